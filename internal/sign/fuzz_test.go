package sign

import (
	"bytes"
	"reflect"
	"testing"
)

// FuzzDecode promises that a signature that is read means one thing: written again
// and read again it is the same.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(fromKeygen))
	f.Add([]byte(armorBegin + "\n" + armorEnd))
	f.Add(bytes.ReplaceAll([]byte(fromKeygen), []byte("\n"), []byte("\r\n")))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := decode(text)
		if err != nil {
			return
		}
		s.check(message)
		again, err := decode(s.encode())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("read %+v, then %+v, %v", s, again, err)
		}
		if who, err := Check(text, message); err == nil && !bytes.Equal(s.encode(), []byte(fromKeygen)) {
			t.Errorf("%+v is accepted", who)
		}
	})
}

// FuzzParseSigners promises that nobody is let in whose key the text does not have.
func FuzzParseSigners(f *testing.F) {
	for _, c := range linesOfSigners {
		f.Add([]byte(fillKeys(c.line)))
	}
	key := []byte(authorized(fixed(1))[len("ssh-ed25519 "):])
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSigners("signers", data)
		if err != nil {
			return
		}
		if who, err := s.Verify([]byte(fromKeygen), message, now); err == nil && (!bytes.Contains(data, key) || who.By == "") {
			t.Errorf("%q lets %+v in", data, who)
		}
	})
}
