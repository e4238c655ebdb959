package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// headerTime and idleTime bound what a silent client costs.
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	// stopTime is what answers under way get when the server stops.
	stopTime = 5 * time.Second
)

// Run answers requests that come in at l until the context ends; then it lets
// those under way finish for a short time. With certificates it speaks TLS. It
// closes l.
func Run(ctx context.Context, l net.Listener, h http.Handler, certificates *tls.Config, log *slog.Logger) error {
	server := &http.Server{
		Handler:           h,
		TLSConfig:         certificates,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelInfo),
	}
	ended := make(chan error, 1)
	go func() {
		if certificates != nil {
			ended <- server.ServeTLS(l, "", "")
		} else {
			ended <- server.Serve(l)
		}
	}()
	if err := notify("READY=1"); err != nil {
		return errors.Join(err, server.Close(), closed(<-ended))
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serving on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	err := notify("STOPPING=1")
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if server.Shutdown(stop) != nil {
		// What is still under way is cut off; its clients ask again elsewhere.
		err = errors.Join(err, server.Close())
	}
	return errors.Join(err, closed(<-ended))
}

// closed takes the error that says that the server was told to stop for none.
func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
