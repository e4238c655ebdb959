// Package lab boots real Debian hosts for tests: systemd as process 1, a disk
// of its own, one cable into a bridge that leads nowhere. What an install
// script does to a host is then seen on a host.
//
// Everything but this comment is behind the build tag "lab", needs Linux and
// root, and says what is missing when it cannot run:
//
//	go test -tags lab ./...
//
// A host is a systemd-nspawn container over a shared, cached root file system.
// It shares the kernel and the clock with the machine that runs the test, so it
// is no security boundary and must never run what is not trusted. A machine's
// default of 128 inotify instances is enough for eight hosts at once.
//
// The package leaves nothing behind. Namespaces have no names and mounts are
// made in a private mount namespace, so the kernel takes both away with their
// processes; hosts die with the process that booted them; disks and control
// groups that a killed test could not remove are removed by the next run.
//
// The package must not know anything of satchel, and nothing outside tests may
// import it.
package lab
