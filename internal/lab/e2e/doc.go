// Package e2e holds the tests that install bundles on booted hosts. They use
// satchel as a user does: the built program, an unpacked bundle, install.sh on each
// host. All are behind the build tag "lab":
//
//	make lab
package e2e
