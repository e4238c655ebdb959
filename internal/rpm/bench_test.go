package rpm

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/satchel-kit/satchel/internal/repository"
)

// distribution writes a primary.xml as large as that of a distribution, of packages that
// require sonames, files and names of those before them. It has about 2.5 KiB for each.
func distribution(w io.Writer, packages int) {
	r := rand.New(rand.NewPCG(1, 2))
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"%d\">\n", packages)
	about := strings.Repeat("It does one thing, and &lt;does it well&gt; for all who need it. ", 7)
	for i := range packages {
		arch := []string{"x86_64", "noarch"}[i%2]
		fmt.Fprintf(w, "<package type=\"rpm\">\n  <name>package%d</name>\n  <arch>%s</arch>\n  <version epoch=\"0\" ver=\"1.%d\" rel=\"3.el9\"/>\n  <checksum type=\"sha256\" pkgid=\"YES\">%064x</checksum>\n", i, arch, i%40, i)
		fmt.Fprintf(w, "  <summary>Package %d</summary>\n  <description>%s</description>\n  <packager>Somebody</packager>\n  <url>https://example.org</url>\n  <time file=\"1\" build=\"1\"/>\n", i, about)
		fmt.Fprintf(w, "  <size package=\"100\" installed=\"1\" archive=\"1\"/>\n  <location href=\"Packages/package%d.rpm\"/>\n  <format>\n    <rpm:license>MIT</rpm:license>\n    <rpm:vendor>V</rpm:vendor>\n    <rpm:sourcerpm>package%d.src.rpm</rpm:sourcerpm>\n    <rpm:provides>\n", i, i)
		fmt.Fprintf(w, "      <rpm:entry name=\"package%d\" flags=\"EQ\" epoch=\"0\" ver=\"1.%d\" rel=\"3.el9\"/>\n      <rpm:entry name=\"package%d(x86-64)\" flags=\"EQ\" epoch=\"0\" ver=\"1.%d\" rel=\"3.el9\"/>\n", i, i%40, i, i%40)
		fmt.Fprintf(w, "      <rpm:entry name=\"libpackage%d.so.1()(64bit)\"/>\n      <rpm:entry name=\"libpackage%d.so.1(V_1.0)(64bit)\"/>\n    </rpm:provides>\n    <rpm:requires>\n", i, i)
		for range min(i, 6) {
			n := r.IntN(min(i, 3000))
			fmt.Fprintf(w, "      <rpm:entry name=\"libpackage%d.so.1()(64bit)\"/>\n      <rpm:entry name=\"package%d\" flags=\"GE\" epoch=\"0\" ver=\"1.0\"/>\n", n, n)
		}
		fmt.Fprintf(w, "      <rpm:entry name=\"/usr/bin/package%d\"/>\n      <rpm:entry name=\"(package%d if package%d)\"/>\n    </rpm:requires>\n    <file>/usr/bin/package%d</file>\n    <file>/etc/package%d.conf</file>\n  </format>\n</package>\n", i/2, i/3, i/4, i, i)
	}
	io.WriteString(w, "</metadata>\n")
}

// BenchmarkDistribution reads an index of 60,000 packages, compressed as repositories of
// today have it, and resolves ten roots on a bare host. It reports the most memory that the
// process ever had, and the time of processors, which other work on the machine does not
// change.
func BenchmarkDistribution(b *testing.B) {
	const packages = 60_000
	file := b.TempDir() + "/primary.xml.gz"
	size := writeCompressed(b, file, packages)
	var roots []string
	for i := range 10 {
		roots = append(roots, fmt.Sprintf("package%d", packages-1-i*1111))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	before := processors(b)
	for b.Loop() {
		content, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		x := newIndex(base, "x86_64")
		if err := repository.Formats[1].Decompress(content, repository.MaxIndex, x.add); err != nil {
			b.Fatal(err)
		}
		list, err := Resolve([]*Index{x}, nil, Request{Names: roots})
		if err != nil || x.Len() != packages || len(list) < 1000 {
			b.Fatalf("%d packages of %d, %v", len(list), x.Len(), err)
		}
		b.ReportMetric(float64(len(list)), "packages-added")
	}
	b.ReportMetric((processors(b)-before)/float64(b.N), "cpu-s/op")
	b.ReportMetric(peak(b), "MiB-peak")
}

func BenchmarkParsePrimary(b *testing.B) {
	var content bytes.Buffer
	distribution(&content, 5000)
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := newIndex(base, "x86_64").add(bytes.NewReader(content.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingXML is the standard library's reader of XML alone, to compare the
// scanner with.
func BenchmarkEncodingXML(b *testing.B) {
	benchmarkXML(b, func(content []byte) error {
		for d := xml.NewDecoder(bytes.NewReader(content)); ; {
			if _, err := d.Token(); err != nil {
				return err
			}
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	benchmarkXML(b, func(content []byte) error {
		for s := newScanner(bytes.NewReader(content)); ; {
			piece, err := s.next()
			if err == nil && piece == startPiece {
				err = s.each(func(_, _ []byte) error { return nil })
			}
			if err != nil {
				return err
			}
		}
	})
}

func benchmarkXML(b *testing.B, read func([]byte) error) {
	var content bytes.Buffer
	distribution(&content, 5000)
	b.SetBytes(int64(content.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := read(content.Bytes()); !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
}

// writeCompressed writes the index in a stream, and gives its size when it is not
// compressed.
func writeCompressed(b *testing.B, file string, packages int) int64 {
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	c := &counting{w: gzip.NewWriter(f)}
	distribution(c, packages)
	if err := c.w.Close(); err != nil {
		b.Fatal(err)
	}
	return c.n
}

type counting struct {
	w io.WriteCloser
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}

// processors is the time of processors that this process took, in seconds.
func processors(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// peak is the most memory that this process had, in MiB.
func peak(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib) / 1024
}
