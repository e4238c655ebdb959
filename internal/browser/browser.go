// Package browser drives a headless Chromium for tests of pages. It is for tests alone.
package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// Browser is a headless Chromium, driven by chromedriver over its own protocol
// (https://www.w3.org/TR/webdriver2/).
type Browser struct {
	t       testing.TB
	session string
	width   int
}

// need finds a program of a Debian package, or has the test skipped where it may be.
func need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("SATCHEL_TOOLS") == "required" {
		t.Fatalf("%s is missing: install Debian's package %s", program, debianPackage)
	}
	t.Skipf("%s is missing: install Debian's package %s", program, debianPackage)
	return ""
}

var listening = regexp.MustCompile(`started successfully on port (\d+)`)

// New starts a browser, which the test's end stops.
func New(t testing.TB) *Browser {
	t.Helper()
	driver, chromium := need(t, "chromedriver", "chromium-driver"), need(t, "chromium", "chromium")
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, driver, "--port=0")
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home)
	// Asked to end it ends its browsers, too.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); cmd.Wait() })
	var port string
	lines := bufio.NewScanner(out)
	for port == "" && lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			port = m[1]
		}
	}
	if port == "" {
		t.Fatal("chromedriver does not say where it listens")
	}
	go io.Copy(io.Discard, out)
	b := &Browser{t: t, session: "http://127.0.0.1:" + port + "/session"}
	args := []string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + filepath.Join(home, "profile")}
	var made struct{ SessionID string }
	b.Post("", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"binary": chromium, "args": args},
		"goog:loggingPrefs":  map[string]string{"browser": "ALL"},
	}}}, &made)
	b.session += "/" + made.SessionID
	t.Cleanup(func() {
		if err := b.request(http.MethodDelete, "", nil, nil); err != nil {
			t.Errorf("the browser is not ended: %v", err)
		}
	})
	return b
}

// For has failures belong to a test within that for which the browser was started.
func (b *Browser) For(t testing.TB) { b.t = t }

func (b *Browser) request(method, path string, in, out any) error {
	var body io.Reader
	if in != nil { // the driver takes no null
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, b.session+path, body)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer := struct{ Value json.RawMessage }{}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Value)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, out)
}

// Post sends a command of the protocol and reads its value.
func (b *Browser) Post(path string, in, out any) {
	b.t.Helper()
	if err := b.request(http.MethodPost, path, in, out); err != nil {
		b.t.Fatal(err)
	}
}

// Command is one of the browser's own debugging protocol.
func (b *Browser) Command(name string, params any) {
	b.t.Helper()
	b.Post("/goog/cdp/execute", map[string]any{"cmd": name, "params": params}, nil)
}

// Screen sets the size of the window's inside and the colours.
func (b *Browser) Screen(width, height int, scheme string) {
	b.t.Helper()
	b.width = width
	b.Command("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
	b.Command("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}})
}

// Open shows a file.
func (b *Browser) Open(file string) {
	b.t.Helper()
	b.Post("/url", map[string]string{"url": "file://" + file}, nil)
}

// Run gives what a script returns.
func Run[T any](b *Browser, script string) (value T) {
	b.t.Helper()
	b.Post("/execute/sync", map[string]any{"script": script, "args": []any{}}, &value)
	return value
}

// overflow takes the window's width as it was set: on a phone, innerWidth grows with a page
// that is too wide.
const overflow = `
const width = %d, scrolls = %q;
const wide = document.documentElement.scrollWidth > width ? ["the page: " + document.documentElement.scrollWidth] : [];
for (const e of document.querySelectorAll("body *")) {
  if (e.parentElement.closest(scrolls)) continue;
  const r = e.getBoundingClientRect();
  if (r.width > 0 && r.right > width + 1) wide.push(e.tagName + "." + e.className + " " + e.textContent.slice(0, 30) + ": " + r.right);
}
return wide;`

// Overflow is what goes past the right edge of the window, other than inside of the
// elements that a selector names.
func (b *Browser) Overflow(scrolls string) []string {
	b.t.Helper()
	return Run[[]string](b, fmt.Sprintf(overflow, b.width, scrolls))
}

// faint judges every element with a text of its own; how many is the last entry.
const faint = `
const parse = (c) => c.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
const list = [];
let judged = 0;
for (const e of document.querySelectorAll("body *")) {
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
  judged++;
  const [hi, lo] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x), ratio = (hi + .05) / (lo + .05);
  if (ratio < 4.5) list.push(e.tagName + " " + e.textContent.slice(0, 30) + " " + ratio.toFixed(2));
}
return [...list, "" + judged];`

// Faint are texts whose contrast with what is behind them is below WCAG's level AA, 4.5.
func (b *Browser) Faint() []string {
	b.t.Helper()
	list := Run[[]string](b, faint)
	last := len(list) - 1
	if list[last] == "0" {
		return []string{"there is no text at all"}
	}
	return list[:last]
}

// Complaints are what the console has of errors and warnings.
func (b *Browser) Complaints() (list []string) {
	b.t.Helper()
	var log []struct{ Level, Message string }
	b.Post("/se/log", map[string]string{"type": "browser"}, &log)
	for _, entry := range log {
		if entry.Level == "SEVERE" || entry.Level == "WARNING" {
			list = append(list, entry.Message)
		}
	}
	return list
}

// Picture keeps the whole page as an image in the directory that SATCHEL_SCREENSHOTS names.
func (b *Browser) Picture(name string) {
	b.t.Helper()
	dir := os.Getenv("SATCHEL_SCREENSHOTS")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	b.Post("/goog/cdp/execute", map[string]any{"cmd": "Page.captureScreenshot", "params": map[string]any{"captureBeyondViewport": true}}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
