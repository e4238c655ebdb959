package bundle

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/satchel-kit/satchel/internal/sign"
)

// Signature is what was found out about the signature of a bundle.
type Signature struct {
	State SignatureState `json:"state"`
	// File is where it is.
	File string `json:"file,omitempty"`
	// By and Key are who signed and with what.
	By  string `json:"by,omitempty"`
	Key string `json:"key,omitempty"`
	// Reason is why it is not accepted.
	Reason sign.Reason `json:"reason,omitempty"`
}

// SignatureState is how far a signature can be relied on.
type SignatureState string

// The states.
const (
	Unsigned SignatureState = "none"
	// Intact is a signature that fits, and nobody has said whom to trust.
	Intact SignatureState = "intact"
	// Accepted is one of a signer.
	Accepted SignatureState = "accepted"
	Refused  SignatureState = "refused"
)

// CheckSignature checks the signature in the bundle and the one beside it, at a time; one
// that is good is enough. Without signers a signature only has to fit, and there need not
// be one. What is wrong becomes a problem of the report.
func (r *Report) CheckSignature(signers *sign.Signers, now time.Time) (Signature, error) {
	beside, err := ReadDetached(r.Bundle)
	if err != nil {
		return Signature{}, err
	}
	s, refusal := Signature{State: Unsigned}, (*sign.Refusal)(nil)
	for _, found := range []struct {
		file string
		text []byte
	}{{signatureName, r.Signature}, {filepath.Base(DetachedName(r.Bundle)), beside}} {
		if found.text == nil {
			continue
		}
		next, problem := judge(found.text, r.Sums, signers, now)
		if next.File = found.file; problem == nil {
			return next, nil
		}
		if refusal == nil {
			s, refusal = next, problem
		}
	}
	if refusal == nil && signers != nil {
		refusal = sign.NoSignature()
		s.File, s.Reason = signatureName, refusal.Reason
	}
	if refusal != nil {
		r.Problems = append(r.Problems, Problem{s.File, refusal.Error()})
	}
	return s, nil
}

func judge(text, sums []byte, signers *sign.Signers, now time.Time) (Signature, *sign.Refusal) {
	s := Signature{State: Intact}
	who, err := sign.Check(text, sums)
	if signers != nil {
		s.State = Accepted
		who, err = signers.Verify(text, sums, now)
	}
	if who != nil {
		s.By, s.Key = who.By, who.Key
	}
	if err == nil {
		return s, nil
	}
	refusal, ok := errors.AsType[*sign.Refusal](err)
	if !ok {
		refusal = sign.NotReadable(err)
	}
	s.State, s.Reason = Refused, refusal.Reason
	return s, refusal
}
