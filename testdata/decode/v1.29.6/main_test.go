package main

import (
	"testing"

	"github.com/satchel-kit/satchel/testdata/decode/check/checktest"
)

func TestFixtures(t *testing.T) { checktest.Run(t, "v1.29.6", "testdata") }
