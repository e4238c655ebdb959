package rpm

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// value is one of a header that a test makes.
type value struct {
	id, kind int32
	count    int
	data     []byte
}

func text(id int32, words ...string) value {
	kind := int32(kindStrings)
	if len(words) == 1 {
		kind = kindString
	}
	return value{id, kind, len(words), []byte(strings.Join(words, "\x00") + "\x00")}
}

func numbers(id int32, list ...uint32) value {
	v := value{id: id, kind: kindInt32, count: len(list)}
	for _, n := range list {
		v.data = binary.BigEndian.AppendUint32(v.data, n)
	}
	return v
}

func headerOf(values ...value) []byte {
	var index, data []byte
	for _, v := range values {
		for v.kind == kindInt32 && len(data)%4 != 0 {
			data = append(data, 0)
		}
		for _, n := range []uint32{uint32(v.id), uint32(v.kind), uint32(len(data)), uint32(v.count)} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		data = append(data, v.data...)
	}
	h := append([]byte("\x8e\xad\xe8\x01\x00\x00\x00\x00"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(values))), uint32(len(data)))...)
	return append(append(h, index...), data...)
}

// rpmOf is a whole .rpm.
func rpmOf(main []byte, payload string, signatures ...value) []byte {
	lead := append([]byte("\xed\xab\xee\xdb\x03\x00"), make([]byte, leadSize-6)...)
	sig := headerOf(signatures...)
	sig = append(sig, make([]byte, -len(sig)&7)...)
	return append(append(append(lead, sig...), main...), payload...)
}

const payload = "the files of the package"

// mainOf is the header of a small package, with a checksum of the payload or without.
func mainOf(digest bool, more ...value) []byte {
	values := []value{text(tagName, "a"), text(tagVersion, "1"), text(tagRelease, "2"), numbers(tagEpoch, 3), text(tagArch, "noarch"), text(tagSourceRPM, "a.src.rpm"),
		text(1047, "a", "b"), numbers(1112, 8, 0), text(1113, "3:1-2", ""), text(tagBaseNames, "x"), text(tagDirNames, "/usr/bin/"), numbers(tagDirIndexes, 0), numbers(tagFileModes, 0o100644), numbers(tagFileFlags, 0)}
	if digest {
		values = append(values, text(tagPayloadDigest, fmt.Sprintf("%x", sha256.Sum256([]byte(payload)))), numbers(tagPayloadAlgo, 8))
	}
	return headerOf(append(values, more...)...)
}

func rsaKey(t testing.TB, bits int) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("old", "", "old@mirror.test", &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: bits, Time: func() time.Time { return moment.Add(-24 * time.Hour) }})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// signV3 signs as rpm did with keys of old.
func signV3(t testing.TB, e *openpgp.Entity, hash crypto.Hash, content []byte) []byte {
	t.Helper()
	trailer := binary.BigEndian.AppendUint32([]byte{0}, uint32(moment.Unix()))
	h := hash.New()
	h.Write(content)
	h.Write(trailer)
	sum := h.Sum(nil)
	value, err := rsa.SignPKCS1v15(rand.Reader, e.PrivateKey.PrivateKey.(*rsa.PrivateKey), hash, sum)
	if err != nil {
		t.Fatal(err)
	}
	value = bytes.TrimLeft(value, "\x00")
	bits := len(value)*8 - 8
	for b := value[0]; b != 0; b >>= 1 {
		bits++
	}
	body := append([]byte{3, 5}, trailer...)
	body = binary.BigEndian.AppendUint64(body, e.PrimaryKey.KeyId)
	body = append(body, 1, map[crypto.Hash]byte{crypto.SHA1: 2, crypto.SHA256: 8}[hash], sum[0], sum[1])
	body = append(binary.BigEndian.AppendUint16(body, uint16(bits)), value...)
	return append([]byte{0x89, byte(len(body) >> 8), byte(len(body))}, body...)
}

func signV4(t testing.TB, e *openpgp.Entity, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := openpgp.DetachSign(&b, e, bytes.NewReader(content), clock(moment.Add(-time.Hour))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func binaryOf(id int32, b []byte) value { return value{id, kindBytes, len(b), b} }

func TestSignaturesOfEveryFormAreChecked(t *testing.T) {
	key, other, ed, short := rsaKey(t, 2048), rsaKey(t, 2048), newKey(t, 0), newKey(t, 36*time.Hour)
	all := public(t, key, ed, short)
	with, without := mainOf(true), mainOf(false)
	whole := append(bytes.Clone(without), payload...)
	later := moment.Add(48 * time.Hour)
	for _, c := range []struct {
		name    string
		main    []byte
		payload string
		sigs    []value
		now     time.Time
		want    string // empty if it is good
	}{
		{"version 4 over the header", with, payload, []value{binaryOf(tagHeaderRSA, signV4(t, key, with))}, moment, ""},
		{"version 3 over the header", with, payload, []value{binaryOf(tagHeaderRSA, signV3(t, key, crypto.SHA256, with))}, moment, ""},
		{"Ed25519", with, payload, []value{binaryOf(tagHeaderDSA, signV4(t, ed, with))}, moment, ""},
		{"version 4 over all", without, payload, []value{binaryOf(tagAllGPG, signV4(t, key, whole))}, moment, ""},
		{"version 3 over all, and over the header, as EL7 has it", without, payload, []value{binaryOf(tagHeaderRSA, signV3(t, key, crypto.SHA256, without)), binaryOf(tagAllPGP, signV3(t, key, crypto.SHA256, whole))}, moment, ""},
		{"with a second one of an unknown key", with, payload, []value{binaryOf(tagHeaderRSA, append(signV4(t, other, with), signV4(t, key, with)...))}, moment, ""},
		{"only over a header that says nothing of the payload", without, payload, []value{binaryOf(tagHeaderRSA, signV4(t, key, without))}, moment, "signed only the header"},
		{"another payload", with, payload + "!", []value{binaryOf(tagHeaderRSA, signV4(t, key, with))}, moment, "its payload has the checksum"},
		{"another payload, signed over all", without, payload + "!", []value{binaryOf(tagAllGPG, signV3(t, key, crypto.SHA256, whole))}, moment, "was changed after signing"},
		{"another header", mainOf(true, text(tagURL, "x")), payload, []value{binaryOf(tagHeaderRSA, signV3(t, key, crypto.SHA256, with))}, moment, "was changed after signing"},
		{"unknown", with, payload, []value{binaryOf(tagHeaderRSA, signV4(t, other, with))}, moment, "is not among those given"},
		{"one good and one bad", with, payload, []value{binaryOf(tagHeaderRSA, signV4(t, key, with)), binaryOf(tagAllPGP, signV4(t, key, whole))}, moment, "was changed after signing"},
		{"SHA-1", with, payload, []value{binaryOf(tagHeaderRSA, signV3(t, key, crypto.SHA1, with))}, moment, "can be forged"},
		{"expired", with, payload, []value{binaryOf(tagHeaderDSA, signV4(t, short, with))}, later, "the key is expired"},
		{"none", with, payload, nil, moment, "it is not signed"},
		{"another checksum of the header", with, payload, []value{text(tagHeaderSHA256, strings.Repeat("0", 64)), binaryOf(tagHeaderRSA, signV4(t, key, with))}, moment, "its header has the SHA-256"},
		{"no packet", with, payload, []value{binaryOf(tagHeaderRSA, []byte("x"))}, moment, "reading its signatures"},
		{"no bytes", with, payload, []value{text(tagHeaderRSA, "x")}, moment, "the tag 268"},
		{"half a packet", with, payload, []value{binaryOf(tagHeaderRSA, []byte{0x88, 3, 3, 5, 0})}, moment, "cut short"},
		{"another kind of checksum", mainOf(false, text(tagPayloadDigest, "00"), numbers(tagPayloadAlgo, 1)), payload, []value{binaryOf(tagHeaderRSA, signV4(t, key, with))}, moment, "neither SHA-256 nor SHA-512"},
	} {
		by, err := VerifyPackage(bytes.NewReader(rpmOf(c.main, c.payload, c.sigs...)), all, c.now)
		switch {
		case c.want == "" && (err != nil || len(by) != 1):
			t.Errorf("%s: %v, %v", c.name, by, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, %v", c.name, by, err)
		}
	}
	_, err := VerifyPackage(strings.NewReader("<html>"), all, moment)
	mustFail(t, err, "it is no .rpm")
	_, err = VerifyPackage(strings.NewReader(""), nil, moment)
	mustFail(t, err, "there is no key")
}

func TestAllFilesThatAreNoPackagesAreTold(t *testing.T) {
	good := rpmOf(mainOf(true), payload)
	of := func(path string, content []byte) PackageFile {
		return PackageFile{Path: path, SHA256: strings.Repeat("0", 64), Size: 5, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
	}
	sum := of("p/sum.rpm", good)
	sum.SHA256 = "0"
	_, err := WriteRepository([]PackageFile{
		of("p/a.rpm", good), of("p/b.rpm", good), of("../c.rpm", good), of("p/d.rpm", good[:200]), of("p/e.rpm", []byte("<html>")), of("p/f i.rpm", good), of("p/g.deb", good), sum,
		of("p/source.rpm", rpmOf(mainOf(true, numbers(tagSourcePackage, 1)), "")), of("p/half.rpm", rpmOf(mainOf(true, text(1054, "x")), "")),
		of("p/lie.rpm", append(rpmOf(nil, ""), "\x8e\xad\xe8\x01\x00\x00\x00\x00\x7f\xff\xff\xff\x7f\xff\xff\xff"...)),
		of("p/dir.rpm", rpmOf(mainOf(true, numbers(tagDirIndexes, 7)), "")), of("p/out.rpm", rpmOf(headerOf(value{tagName, kindString, 1, nil}), "")),
	})
	mustFail(t, err, `"p/b.rpm": it is a-3:1-2.noarch, as p/a.rpm is`, `"../c.rpm": the file name`, `"p/d.rpm": reading the header: it is cut short`, `"p/e.rpm": it is no .rpm`, `"p/f i.rpm": this is no plain path`,
		`"p/g.deb": this is no plain path`, `"p/sum.rpm": "0" is no SHA-256`, `"p/source.rpm": "a" is a source package`, `"p/half.rpm": what it conflicts: there are 1 names, 0 flags`,
		`"p/lie.rpm": reading the header: it has 2147483647 tags`, `"p/dir.rpm": its files: "x" is in the directory 7`, `"p/out.rpm": the tag 1000 is cut short`)
}

func FuzzRPM(f *testing.F) {
	f.Add(rpmOf(mainOf(true), payload))
	f.Add(rpmOf(mainOf(false), payload, binaryOf(tagHeaderRSA, []byte{0x88, 3, 3, 5, 0}), text(tagHeaderSHA256, "x")))
	keys := public(f, newKey(f, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		files, err := WriteRepository([]PackageFile{{Path: "a.rpm", SHA256: strings.Repeat("0", 64), Size: 1, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}})
		if _, errVerify := VerifyPackage(bytes.NewReader(content), keys, moment); errVerify == nil {
			t.Error("it is signed, and nobody has the key")
		}
		if err == nil && newIndex(base, "noarch").add(bytes.NewReader(files[1].Data)) != nil {
			t.Errorf("what was written cannot be read:\n%s", files[1].Data)
		}
	})
}
