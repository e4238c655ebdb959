package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/satchel-kit/satchel/internal/serve"
)

// The units' names below the directory that they are written to.
const (
	socketUnit  = "satchel-serve.socket"
	serviceUnit = "satchel-serve.service"
)

// writeUnits writes a socket unit, and the service that serves a bundle at it.
func (o *serveOptions) writeUnits(ctx context.Context, bundle string) error {
	if err := o.checkService(ctx, bundle); err != nil {
		return err
	}
	service, err := o.service(bundle)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(o.listen)
	if err != nil {
		return usagef("--listen is [HOST]:PORT, not %q", o.listen)
	}
	listen := port // systemd takes that for every address
	if host != "" {
		listen = net.JoinHostPort(host, port)
	}
	socket := "[Unit]\nDescription=Where satchel serves a bundle\n\n[Socket]\nListenStream=" + listen + "\nNoDelay=yes\n\n[Install]\nWantedBy=sockets.target\n"
	if err := os.MkdirAll(o.units, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{socketUnit: socket, serviceUnit: service} {
		if err := replaceFile(filepath.Join(o.units, name), text); err != nil {
			return fmt.Errorf("writing the unit: %w", err)
		}
	}
	return nil
}

// checkService makes sure that the service will be able to do what it is for: the bundle
// is one that can be served, and the user that the service runs as can read it.
func (o *serveOptions) checkService(ctx context.Context, path string) error {
	if _, _, err := o.certificates(); err != nil {
		return err
	}
	s, err := serve.New(ctx, path)
	if err != nil {
		return err
	}
	defer s.Close()
	if o.asRoot() {
		return nil
	}
	own, err := os.Executable()
	if err != nil {
		return err
	}
	const user = "the service runs as a user of its own"
	if err := openToAll(own, mayRun); err != nil {
		return fmt.Errorf("%s, who cannot run %q: %w; install satchel where everybody can run it, such as /usr/local/bin", user, own, err)
	}
	files, err := servedFiles(path, s.Manifest())
	for i := 0; i < len(files) && err == nil; i++ {
		err = openToAll(files[i], mayRead)
	}
	if err != nil {
		return fmt.Errorf("%s, who cannot read %q: %w; put the bundle where everybody can read it, such as below /srv, or change that mode (o+rX)", user, path, err)
	}
	return nil
}

// asRoot tells whether the service runs as root: the key is for root alone, as a rule.
func (o *serveOptions) asRoot() bool { return o.cert != "" }

func (o *serveOptions) service(bundle string) (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	words := []string{own, "serve", bundle}
	user := "DynamicUser=yes\n"
	if o.asRoot() {
		words = append(words, "--tls-cert", o.cert, "--tls-key", o.key)
		user = ""
	}
	for i, word := range words {
		isPath := i == 0 || i == 2 || i == 4 || i == 6
		if isPath {
			if word, err = filepath.Abs(word); err != nil {
				return "", err
			}
		}
		words[i] = unitWord(word)
	}
	return "[Unit]\nDescription=satchel serves a bundle, read-only\nRequires=" + socketUnit + "\nAfter=" + socketUnit + "\n\n[Service]\nType=notify\n" +
		"ExecStart=" + strings.Join(words, " ") + "\n" + user +
		"Restart=on-failure\nProtectSystem=strict\nProtectHome=read-only\nNoNewPrivileges=yes\nLimitNOFILE=16384\n", nil
}

// unitWord is a word of a command line in a unit (systemd.service(5), COMMAND LINES).
func unitWord(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(word)
	if strings.ContainsAny(word, " '\";\\") {
		return `"` + word + `"`
	}
	return word
}

// replaceFile writes a file as a whole, or leaves what was there.
func replaceFile(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".unit-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
