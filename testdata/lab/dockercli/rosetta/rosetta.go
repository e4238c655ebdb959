// Package rosetta stands for one that is not to be had as a module. It tells a processor
// that Apple translates from others; none of the lab's is.
package rosetta

// Enabled says whether programs are translated.
func Enabled() bool { return false }
