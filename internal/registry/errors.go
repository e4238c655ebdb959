package registry

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

// Error says what was asked, and what came of it.
type Error struct {
	// Asked is the method and the address, or what Advice says in their place.
	Asked string
	// Status is the HTTP status; 0 if there was no answer, or none that makes sense.
	Status int
	// Hint says what to do.
	Hint string
	// Temporary says that it may be gone later.
	Temporary bool

	cause error
	after time.Duration // what Retry-After says
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Asked, e.cause)
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.cause }

// Temporary tells whether an error may be gone later: of no use to a caller who wants to
// retry, because that has been done, but to one who considers whether the next item has
// a better chance.
func Temporary(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Temporary
}

// NotFound tells whether a server answered that it has no such thing.
func NotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound
}

// Advice is what to do about a failure, in words for those who asked: the flag or the
// part of the spec that they can change.
type Advice struct {
	// Asked says what was asked at an address; without it that is the method and the
	// address.
	Asked func(address string) string
	// Status is for an answer with a status that is not wanted, in the server's words.
	Status func(status int, words string) string
	// PlainHTTP is for a server without TLS, NoHost for a name that nobody knows, Away
	// for a redirect that is not followed, Silence for everything else without an
	// answer, and Wrong for an answer that makes no sense.
	PlainHTTP, NoHost, Away, Silence, Wrong string
}

func (s *Session) describe(method, address string) *Error {
	if s.advice.Asked != nil {
		return &Error{Asked: s.advice.Asked(address)}
	}
	return &Error{Asked: method + " " + Redact(address)}
}

// Wrong describes an answer that makes no sense.
func (s *Session) Wrong(method, address string, err error) error {
	e := s.describe(method, address)
	e.cause, e.Hint = err, s.advice.Wrong
	return e
}

// failure describes an exchange that brought no answer, or a login that failed.
func (s *Session) failure(ctx context.Context, method, address string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := s.describe(method, address)
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		s.answer(ctx, e, answer)
		return e
	}
	e.cause = err
	// The library and net/http put the URL first, which Error says already.
	if outer, ok := errors.AsType[*url.Error](err); ok {
		e.cause = outer.Err
	}
	e.Hint, e.Temporary = s.advice.judge(err)
	return e
}

// judge finds a hint for an exchange without an answer and tells whether to retry.
func (a Advice) judge(err error) (hint string, temporary bool) {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return "if the certificate is good, the clock of this machine is wrong; it says " + time.Now().UTC().Format(time.RFC3339), false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "if the CA is your own, name the file with its certificate with --ca", false
	}
	if strings.Contains(err.Error(), http.ErrSchemeMismatch.Error()) {
		return a.PlainHTTP, false
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return a.NoHost, false
	}
	if _, ok := errors.AsType[*redirectError](err); ok {
		return a.Away, false
	}
	if e, ok := errors.AsType[*keychainError](err); ok {
		return e.hint, false
	}
	return a.Silence, true
}

// refusal describes an answer that is not a wanted one. It reads the body.
func (s *Session) refusal(req *http.Request, resp *http.Response) error {
	e := s.describe(req.Method, req.URL.String())
	answer, ok := errors.AsType[*transport.Error](transport.CheckError(resp))
	if !ok {
		answer = &transport.Error{StatusCode: resp.StatusCode}
	}
	s.answer(req.Context(), e, answer)
	return e
}

func (s *Session) answer(ctx context.Context, e *Error, a *transport.Error) {
	e.Status = a.StatusCode
	e.Hint = s.advice.Status(a.StatusCode, a.Error())
	e.Temporary = a.StatusCode == http.StatusTooManyRequests || a.StatusCode == http.StatusRequestTimeout || a.StatusCode >= 500
	reason := fmt.Sprintf("%d %s", a.StatusCode, http.StatusText(a.StatusCode))
	// Only the registry protocol's own diagnostics: a raw body may be a whole
	// page of HTML, or repeat what was sent.
	for _, d := range a.Errors {
		reason += fmt.Sprintf(": %s: %s", Printable(string(d.Code)), Printable(d.Message))
	}
	e.cause = errors.New(reason)
	if e.after = wish(ctx); e.after > 0 {
		e.cause = fmt.Errorf("%w: the server says to wait %s", e.cause, e.after.Round(time.Second))
	}
}

// Printable keeps a server's words short and free of control characters.
func Printable(s string) string {
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

// Redact leaves out of an address what may be secret: user, password, and a query,
// which is a key in a signed address, and the state of an upload in others.
func Redact(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		if i := strings.LastIndexByte(address, '@'); i >= 0 && strings.Contains(address, "://") {
			return "…" + address[i:]
		}
		return address
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
