package main

import (
	"testing"

	"github.com/satchel-kit/satchel/testdata/decode/check/checktest"
)

func TestFixtures(t *testing.T) { checktest.Run(t, release, "../check/checktest/testdata") }
