package receiver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// identity is a self-signed certificate for 127.0.0.1, its own authority.
type identity struct {
	cert, key string // PEM files
	pair      tls.Certificate
	pool      *x509.CertPool
}

func newIdentity(t testing.TB, name string) identity {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	dir := t.TempDir()
	id := identity{cert: filepath.Join(dir, name+".crt"), key: filepath.Join(dir, name+".key"), pool: x509.NewCertPool()}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	check(os.WriteFile(id.cert, certPEM, 0o600))
	check(os.WriteFile(id.key, keyPEM, 0o600))
	id.pair, err = tls.X509KeyPair(certPEM, keyPEM)
	check(err)
	id.pool.AppendCertsFromPEM(certPEM)
	return id
}

// serves makes a receiver listen with the identity, and ask clients for one
// signed by client's authority unless that is nil.
func (id identity) serves(client *identity) func(*IntakeConfig) {
	return func(c *IntakeConfig) {
		c.TLSCert, c.TLSKey = id.cert, id.key
		if client != nil {
			c.TLSClientCA = client.cert
		}
	}
}

// trusting is the configuration of a client that trusts the identity.
func (id identity) trusting(own ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: id.pool, Certificates: own, ServerName: "127.0.0.1"}
}
