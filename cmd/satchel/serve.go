package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/satchel-kit/satchel/internal/serve"
)

type serveOptions struct {
	listen, cert, key, units string
	verbose                  bool
}

func newServeCmd() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve BUNDLE",
		Short: "Serve a bundle's images and files, read-only",
		Long: `Serve a bundle, unpacked or a plain .tar, over HTTP: its images as a registry under
/v2/, each under its full upstream name (HOST:PORT/registry.k8s.io/pause:3.10), also to
containerd's mirror requests; its files under /files/ and /packages/; and /healthz.
Nothing can be changed. The bundle is not checked; verify does that.

Under systemd it takes the socket of a socket unit and tells when it is ready
(Type=notify). With --units nothing is served; satchel-serve.socket and .service are
written, which serve the bundle like this; without TLS as a user of its own, so that
everybody has to be able to read the bundle. It ends at SIGTERM or Ctrl-C.`,
		Example: `  satchel serve course-ha.tar
  satchel serve /opt/course-ha --listen 10.0.0.20:5000 --tls-cert tls.crt --tls-key tls.key
  satchel serve /opt/course-ha --units /etc/systemd/system && systemctl enable --now satchel-serve.socket`,
		Args: exactly("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (o.cert == "") != (o.key == "") {
				return usagef("--tls-cert and --tls-key need each other")
			}
			if o.units != "" {
				return o.writeUnits(cmd.Context(), args[0])
			}
			return runServe(cmd, args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.listen, "listen", ":5000", "address to listen on")
	cmd.Flags().StringVar(&o.cert, "tls-cert", "", "file with the certificate and its chain, to serve HTTPS")
	cmd.Flags().StringVar(&o.key, "tls-key", "", "file with the certificate's key")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "log every request on stderr")
	cmd.Flags().StringVar(&o.units, "units", "", "write a socket and a service for systemd into this directory instead of serving")
	cmd.MarkFlagDirname("units")
	cmd.MarkFlagFilename("tls-cert")
	cmd.MarkFlagFilename("tls-key")
	return cmd
}

func runServe(cmd *cobra.Command, path string, o serveOptions) error {
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
	certificates, scheme, err := o.certificates()
	if err != nil {
		return err
	}
	s, err := serve.New(cmd.Context(), path, serve.WithLog(log))
	if err != nil {
		return err
	}
	defer s.Close()
	l, err := serve.Listen(cmd.Context(), o.listen)
	if err != nil {
		return err
	}
	m := s.Manifest()
	fmt.Fprintf(cmd.ErrOrStderr(), "serving %s %s, %d images, at %s://%s\n", m.Name, m.Version, len(m.Images), scheme, l.Addr())
	return serve.Run(cmd.Context(), l, s, certificates, log)
}

// certificates reads what HTTPS needs; there is none for plain HTTP.
func (o *serveOptions) certificates() (*tls.Config, string, error) {
	if o.cert == "" {
		return nil, "http", nil
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, "", fmt.Errorf("reading the certificate in %q and its key in %q: %w", o.cert, o.key, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}}, "https", nil
}
