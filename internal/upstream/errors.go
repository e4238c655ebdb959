package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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

// Error says what was asked of which server, and what came of it.
type Error struct {
	// Name is the upstream name or URL.
	Name string
	// Asked is the URL that was really asked, of a mirror or of upstream.
	Asked string
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// Hint says what to do.
	Hint string

	cause     error
	temporary bool
	after     time.Duration // what Retry-After says
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "fetching %q", redact(e.Name))
	if e.Asked != "" && e.Asked != e.Name {
		fmt.Fprintf(&b, " from %s", redact(e.Asked))
	}
	fmt.Fprintf(&b, ": %v", e.cause)
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.cause }

// Temporary tells whether an error may be gone later: of no use to a caller who
// wants to retry, because that has been done, but to one who considers whether
// the next item has a better chance.
func Temporary(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.temporary
}

// NotFound tells whether a server answered that it has no such thing.
func NotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound
}

// failure describes an exchange that brought no answer, or a login that failed.
func failure(ctx context.Context, upstream, asked string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := &Error{Name: upstream, Asked: asked, cause: err, temporary: true}
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		e.answer(answer)
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
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "if the certificate is good, the clock of this machine is wrong; it says " + time.Now().UTC().Format(time.RFC3339), false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "if the CA is your own, name the file with its certificate with --ca", false
	}
	if strings.Contains(err.Error(), http.ErrSchemeMismatch.Error()) {
		return "if plain HTTP is meant, begin the mirror in `sources:` with http://", false
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return "check the name and the network, or name a mirror in `sources:`", false
	}
	if _, ok := errors.AsType[*redirectError](err); ok {
		return "name another mirror in `sources:`", false
	}
	if _, ok := errors.AsType[*keychainError](err); ok {
		return "check ~/.docker/config.json and its credential helpers", false
	}
	return "check the network, or name a mirror in `sources:`", true
}

// refusal describes an answer that is not the wanted one. It reads the body.
func refusal(upstream, asked string, resp *http.Response) error {
	e := &Error{Name: upstream, Asked: asked, after: retryAfter(resp)}
	answer, ok := errors.AsType[*transport.Error](transport.CheckError(resp))
	if !ok {
		answer = &transport.Error{StatusCode: resp.StatusCode}
	}
	e.answer(answer)
	if e.after > 0 {
		e.cause = fmt.Errorf("%w: the server says to wait %s", e.cause, e.after.Round(time.Second))
	}
	return e
}

func (e *Error) answer(a *transport.Error) {
	e.Status = a.StatusCode
	e.Hint = hint(a.StatusCode, e.Name, e.Asked)
	e.temporary = a.StatusCode == http.StatusTooManyRequests || a.StatusCode == http.StatusRequestTimeout || a.StatusCode >= 500
	reason := fmt.Sprintf("%d %s", a.StatusCode, http.StatusText(a.StatusCode))
	// Only the registry protocol's own diagnostics: a raw body may be a whole
	// page of HTML, or repeat what was sent.
	for _, d := range a.Errors {
		reason += fmt.Sprintf(": %s: %s", printable(string(d.Code)), printable(d.Message))
	}
	e.cause = errors.New(reason)
}

func hint(status int, upstream, asked string) string {
	host := "HOST"
	if u, err := url.Parse(asked); err == nil {
		host = u.Host
	}
	isFile := strings.Contains(upstream, "://") // image names have no scheme
	switch {
	case status == http.StatusNotFound && isFile:
		return "there is no such file; check the version, or name a mirror in `sources:`"
	case status == http.StatusNotFound:
		return "the name or tag does not exist there"
	case isFile && (status < 500 && status != http.StatusTooManyRequests):
		return "check the version, or name a mirror in `sources:`"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Sprintf("check the name; if it is private, log in with `docker login %s`", host)
	case status == http.StatusTooManyRequests && !isFile:
		return fmt.Sprintf("rate limit: try again later, or log in with `docker login %s`", host)
	case status == http.StatusTooManyRequests || status >= 500:
		return "try again later, or name a mirror in `sources:`"
	}
	return ""
}

// printable keeps a server's words short and free of control characters.
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
