package upstream

import (
	"crypto/x509"
	"fmt"
	"os"
)

// Roots are the system's certificate authorities and those in a file of PEM.
func Roots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the CA: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a system without any
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the CA in %q: there is no certificate in PEM form in it", file)
	}
	return pool, nil
}
