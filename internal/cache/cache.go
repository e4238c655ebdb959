// Package cache is the content-addressed store on the build machine: blobs
// named by their SHA-256, shared by images and files, and the beginnings of
// blobs whose transfer broke off. It knows nothing of networks or formats.
package cache
