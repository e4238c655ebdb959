//go:build !linux

package disk

import "os"

// These have a meaning on Linux alone.

// ReadAhead does nothing.
func ReadAhead(*os.File, int64, int64) {}

// Forget does nothing.
func Forget(*os.File, int64, int64) {}

func openDirect(*os.File) *os.File { return nil }

func startWriting(*os.File, int64, int64) {}

// Reserve reserves nothing.
func Reserve(*os.File, int64) (bool, error) { return false, nil }
