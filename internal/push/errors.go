package push

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Error says what was asked of the registry, and what came of it.
type Error struct {
	Method, URL string
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// Hint says what to do.
	Hint string

	cause     error
	temporary bool
	after     time.Duration // what Retry-After says
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %v", e.Method, e.URL, e.cause)
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.cause }

// errDamaged says that a bundle does not have what its bundle.json lists.
var errDamaged = errors.New("verify the bundle")

func describe(req *http.Request) *Error {
	return &Error{Method: req.Method, URL: redact(req.URL)}
}

// redact leaves out of an address what may be secret: a query is a key in a signed
// address, and the state of an upload in others.
func redact(u *url.URL) string {
	shown := *u
	shown.User, shown.RawQuery, shown.Fragment = nil, "", ""
	return shown.String()
}

// failure describes an exchange that brought no answer, or a login that failed.
func (s *session) failure(req *http.Request, err error) error {
	if ctx := req.Context(); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := describe(req)
	e.cause = err
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		s.answer(e, answer)
		return e
	}
	// The library and net/http put the URL first, which Error says already.
	if outer, ok := errors.AsType[*url.Error](err); ok {
		e.cause = outer.Err
	}
	e.Hint, e.temporary = judge(err)
	return e
}

// judge finds a hint for an exchange without an answer and tells whether to retry.
func judge(err error) (hint string, temporary bool) {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "if the registry's CA is your own, name the file with its certificate with --ca", false
	}
	if strings.Contains(err.Error(), http.ErrSchemeMismatch.Error()) {
		return "the registry has no TLS; if plain HTTP is meant, add --plain-http", false
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return "check the registry's name and the network", false
	}
	if _, ok := errors.AsType[*redirectError](err); ok {
		return "name the registry itself; with --plain-http, leave that out if it has TLS", false
	}
	if _, ok := errors.AsType[*keychainError](err); ok {
		return "check ~/.docker/config.json and its credential helpers", false
	}
	return "check the registry and the network", true
}

// bad describes an answer that makes no sense.
func (s *session) bad(resp *http.Response, err error) error {
	e := describe(resp.Request)
	e.Status, e.cause = resp.StatusCode, err
	e.Hint = "is this a registry?"
	return e
}

// refusal describes an answer that is not a wanted one. It reads the body.
func (s *session) refusal(req *http.Request, resp *http.Response) error {
	e := describe(req)
	e.after = retryAfter(resp)
	answer, ok := errors.AsType[*transport.Error](transport.CheckError(resp))
	if !ok {
		answer = &transport.Error{StatusCode: resp.StatusCode}
	}
	s.answer(e, answer)
	if e.after > 0 {
		e.cause = fmt.Errorf("%w: the registry says to wait %s", e.cause, e.after.Round(time.Second))
	}
	return e
}

func (s *session) answer(e *Error, a *transport.Error) {
	e.Status = a.StatusCode
	e.Hint = s.hint(a.StatusCode)
	if s.client.scheme == "http" && a.StatusCode == http.StatusBadRequest && saysTLS(a.Error()) {
		e.Hint = "the registry has TLS: leave out --plain-http"
	}
	e.temporary = a.StatusCode == http.StatusTooManyRequests || a.StatusCode == http.StatusRequestTimeout || a.StatusCode >= 500
	reason := fmt.Sprintf("%d %s", a.StatusCode, http.StatusText(a.StatusCode))
	// Only the registry protocol's own diagnostics: a raw body may be a whole
	// page of HTML, or repeat what was sent.
	for _, d := range a.Errors {
		reason += fmt.Sprintf(": %s: %s", printable(string(d.Code)), printable(d.Message))
	}
	e.cause = errors.New(reason)
}

// saysTLS recognises what servers in Go and nginx say to plain HTTP on a port of
// HTTPS.
func saysTLS(text string) bool {
	return strings.Contains(text, "HTTP request to an HTTPS server") || strings.Contains(text, "HTTP request was sent to HTTPS port")
}

func (s *session) hint(status int) string {
	host := s.repo.RegistryStr()
	project, _, _ := strings.Cut(s.path(), "/")
	reading := strings.HasSuffix(s.scope, ":"+transport.PullScope)
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Sprintf("log in with `docker login %s`", host)
	case status == http.StatusForbidden && reading:
		return fmt.Sprintf("log in with `docker login %s` as a user who may read %q", host, s.path())
	case status == http.StatusForbidden:
		return fmt.Sprintf("log in with `docker login %s` as a user who may push to %q; Harbor must have the project %q", host, s.path(), project)
	case status == http.StatusNotFound && reading:
		return "check the name and the tag"
	case status == http.StatusNotFound:
		return fmt.Sprintf("check the registry's name; Harbor must have the project %q", project)
	case status == http.StatusMethodNotAllowed:
		return "the registry is read-only, or nothing that one can push to"
	case status == http.StatusRequestEntityTooLarge:
		return "the registry, or a proxy before it, limits the size of uploads: raise that limit"
	case status == http.StatusTooManyRequests || status >= 500:
		return "try again later; what has arrived is not sent again"
	}
	return ""
}

// printable keeps a registry's words short and free of control characters.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "…"
	}
	return s
}
