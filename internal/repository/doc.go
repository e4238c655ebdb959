// Package repository is what repositories of deb packages and of rpm packages have in
// common: keys and the signatures that they make, compressed indexes, and the names of
// files. It reads bytes that somebody else brings, and trusts none of them.
package repository
