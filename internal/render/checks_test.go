package render_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/satchel-kit/satchel/internal/render"
)

// seatTree writes the tree of the classroom's second seat.
func seatTree(t *testing.T) string {
	t.Helper()
	p, kit := tree(t, "../../bundles/classroom/cluster.cue")
	dir := filepath.Join(t.TempDir(), "seat")
	if err := kit.Seat(p.Seats[1].Seat.NN).Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// bash runs a command with the library of the checks.
func bash(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", `. "$BUNDLE/checks/lib.sh"; `+command)
	cmd.Env = append(os.Environ(), "BUNDLE="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// A name server at an address of this machine's own answers as CoreDNS does: with
// compressed names, and with other records before those that are asked for.
func TestChecksReadAnswersOfDNS(t *testing.T) {
	const address = "127.0.83.53"
	l, err := net.Listen("tcp", address+":53")
	if err != nil {
		t.Skipf("cannot be a name server here: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answerDNS(c)
			c.Close()
		}
	}()
	dir := seatTree(t)
	for name, want := range map[string]string{
		"headless.default.svc.cluster.local": "10.244.1.3\n10.244.2.4\n10.244.3.2\n",
		"alias.example.com":                  "10.1.2.3\n",
		"nothing.example.com":                "none\n",
	} {
		if got := bash(t, dir, "DNS_ADDRESS="+address+"; dns_lookup "+name+" || echo none"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func answerDNS(c net.Conn) {
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	q := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, q); err != nil {
		return
	}
	var labels []string
	i := 12
	for q[i] != 0 {
		labels = append(labels, string(q[i+1:i+1+int(q[i])]))
		i += int(q[i]) + 1
	}
	record := func(kind byte, data ...byte) string {
		return "\xc0\x0c\x00" + string([]byte{kind}) + "\x00\x01\x00\x00\x00\x1e\x00" + string([]byte{byte(len(data))}) + string(data)
	}
	answers := map[string][]string{
		"headless.default.svc.cluster.local": {record(1, 10, 244, 2, 4), record(1, 10, 244, 1, 3), record(1, 10, 244, 3, 2)},
		"alias.example.com":                  {record(5, 3, 'f', 'o', 'o', 0xc0, 0x12), record(1, 10, 1, 2, 3)},
	}[strings.Join(labels, ".")]
	status := byte(0x80)
	if answers == nil {
		status = 0x83 // there is no such name
	}
	reply := string(q[:2]) + "\x81" + string([]byte{status, 0, 1, 0, byte(len(answers)), 0, 0, 0, 0}) + string(q[12:i+5]) + strings.Join(answers, "")
	c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
}

func TestChecksReadAnswersOfWebServers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "Hello %s\n", r.URL.Path) }))
	t.Cleanup(server.Close)
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got := bash(t, seatTree(t), "http "+host+" "+port+" /django/"); got != "HTTP/1.0 200 OK Hello /django/\n" {
		t.Errorf("got %q", got)
	}
}

// Every check that the guide names is there, and each says in its first lines for which
// chapters it is.
func TestEveryChapterHasItsCheck(t *testing.T) {
	p, kit := tree(t, "../../bundles/classroom/cluster.cue")
	seat := p.Seats[0]
	files := map[string]render.File{}
	for _, f := range kit.Seat(seat.Seat.NN) {
		files[f.Path] = f
	}
	guide := string(files["guide/README.md"].Data)
	for _, c := range seat.Guide.Chapters {
		if _, ok := files["checks/"+c.Check+".sh"]; !ok {
			t.Errorf("chapter %s has no checks/%s.sh", c.ID, c.Check)
		}
		if !strings.Contains(guide, "### "+c.ID+" ") || !strings.Contains(guide, "./check.sh "+c.ID+"`") {
			t.Errorf("the guide has no chapter %s with its check", c.ID)
		}
	}
	for _, l := range seat.Guide.Lessons {
		if !strings.Contains(guide, "./lesson.sh start "+l.Name+"`") {
			t.Errorf("the guide does not name the lesson %s", l.Name)
		}
	}
	if seat.Guide.Has("1.2.1") || strings.Contains(guide, "keepalived") {
		t.Error("a cluster with one control plane has chapters on failover")
	}
}
