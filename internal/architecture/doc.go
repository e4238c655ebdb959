// Package architecture holds the tests that keep the shape of the program: which
// package may import which, and who alone imports a heavy library.
package architecture
