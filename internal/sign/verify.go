package sign

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Reason is why a signature is not accepted, for programs.
type Reason string

// The reasons.
const (
	Missing      Reason = "missing"
	Malformed    Reason = "malformed"
	OtherContent Reason = "other-content"
	OtherPurpose Reason = "other-namespace"
	Unknown      Reason = "unknown-key"
	NotForThis   Reason = "namespace-not-allowed"
	NotYet       Reason = "not-yet-valid"
	Expired      Reason = "expired"
)

// Refusal is an error that says why a signature is not accepted.
type Refusal struct {
	Reason Reason
	text   string
}

func (r *Refusal) Error() string { return r.text }

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}

// NoSignature is the refusal where there is none.
func NoSignature() *Refusal { return refuse(Missing, "there is no signature") }

// NotReadable is the refusal of what cannot be made sense of.
func NotReadable(err error) *Refusal {
	return refuse(Malformed, "the signature cannot be read: %v", err)
}

// Signed is what an intact signature says.
type Signed struct {
	// By is who signed, as the list of signers has it; it is empty if no list was
	// asked.
	By string `json:"by,omitempty"`
	// Key is such as "ED25519 key SHA256:…".
	Key string `json:"key"`
	key ssh.PublicKey
}

// Check makes sure that a signature is one of the message, for the purpose of this
// package. It does not say whether to trust its key: anybody can make one. The
// error is a *Refusal.
func Check(text, message []byte) (*Signed, error) {
	s, err := decode(text)
	if err != nil {
		return nil, NotReadable(err)
	}
	found := &Signed{Key: describe(s.key), key: s.key}
	switch err := s.check(message); {
	case errors.Is(err, errNotOf):
		return found, refuse(OtherContent, "the signature by the %s is of other content: something was changed after signing, or it is the signature of another bundle", found.Key)
	case err != nil:
		return found, refuse(Malformed, "the signature by the %s cannot be checked: %v", found.Key, err)
	case s.namespace != Namespace:
		return found, refuse(OtherPurpose, "the signature by the %s is for the namespace %q, not for %q", found.Key, s.namespace, Namespace)
	}
	return found, nil
}

// Verify is Check, and makes sure that the key is one of a signer, at a time.
// The error is a *Refusal; then what is known of the signature is returned as well.
func (s *Signers) Verify(text, message []byte, now time.Time) (*Signed, error) {
	found, err := Check(text, message)
	if err != nil {
		return found, err
	}
	refusal := refuse(Unknown, "the signature is by the %s, which is not in %s", found.Key, s.name)
	for _, line := range s.lines {
		if !bytes.Equal(line.key, found.key.Marshal()) {
			continue
		}
		if problem := line.allows(Namespace, now); problem != nil {
			refusal = refuse(problem.Reason, "the signature is by the %s of %q, which %s:%d %s", found.Key, line.principals, s.name, line.number, problem.text)
			continue
		}
		found.By = line.principals
		return found, nil
	}
	return found, refusal
}

// allows tells what speaks against the line's key.
func (l *signer) allows(namespace string, now time.Time) *Refusal {
	switch {
	case l.namespaces != nil && !matchList(namespace, l.namespaces):
		return refuse(NotForThis, "allows for %q, not for %q", strings.Join(l.namespaces, ","), namespace)
	case !l.after.IsZero() && now.Before(l.after):
		return refuse(NotYet, "allows from %s on", l.after.UTC().Format(time.RFC3339))
	case !l.before.IsZero() && now.After(l.before):
		return refuse(Expired, "allowed until %s: it is expired", l.before.UTC().Format(time.RFC3339))
	}
	return nil
}

// matchList tells whether a list of patterns lets a name through. A pattern with
// "!" before it keeps names out, whatever the others say.
func matchList(name string, patterns []string) bool {
	kept := slices.ContainsFunc(patterns, func(p string) bool { not, is := strings.CutPrefix(p, "!"); return is && match(name, not) })
	return !kept && slices.ContainsFunc(patterns, func(p string) bool { return !strings.HasPrefix(p, "!") && match(name, p) })
}

// match is that of ssh_config's PATTERNS: "*" is any text, "?" any one byte, and all
// else is itself. It goes back to the last "*" alone, so no pattern can make it slow.
func match(name, pattern string) bool {
	n, p, star, from := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			n++
			p++
		case star >= 0:
			from++
			n, p = from, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
