package stream_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// certificate writes a self-signed certificate for 127.0.0.1, its own authority.
func certificate(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	write := func(file, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write(name+".crt", "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))),
		write(name+".key", "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(private)))
}

// dials tries once to connect, and returns the exit code of the failure.
func dials(t *testing.T, cfg stream.DialConfig) (code int) {
	t.Helper()
	cfg.Retries = 1
	log, _ := logtest.NewNullLogger()
	nc, err := stream.Dial(t.Context(), cfg, "test", log)
	if err != nil {
		return exitCode(err)
	}
	nc.Close()
	return 0
}

func TestDialWithMutualTLS(t *testing.T) {
	t.Parallel()
	serverCert, serverKey := certificate(t, "server")
	cert, key := certificate(t, "client")
	other, otherKey := certificate(t, "other")
	url := streamtest.Server(t, streamtest.Extra(fmt.Sprintf(
		"tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }", serverCert, serverKey, cert))).ClientURL()
	for name, c := range map[string]struct {
		cfg  stream.DialConfig
		code int
	}{
		"both know each other":       {stream.DialConfig{NATSURL: url, NATSCA: serverCert, NATSCert: cert, NATSKey: key}, 0},
		"no certificate":             {stream.DialConfig{NATSURL: url, NATSCA: serverCert}, 69},
		"a certificate of a foreign": {stream.DialConfig{NATSURL: url, NATSCA: serverCert, NATSCert: other, NATSKey: otherKey}, 69},
		"a server of a foreign":      {stream.DialConfig{NATSURL: url, NATSCA: other, NATSCert: cert, NATSKey: key}, 69},
		"the system's authorities":   {stream.DialConfig{NATSURL: url, NATSCert: cert, NATSKey: key}, 69},
	} {
		if code := dials(t, c.cfg); code != c.code {
			t.Errorf("%s: exit code %d, want %d", name, code, c.code)
		}
	}
}

func TestDialWithCredentials(t *testing.T) {
	t.Parallel()
	operator, account, system := must(nkeys.CreateOperator()), must(nkeys.CreateAccount()), must(nkeys.CreateAccount())
	id := func(k nkeys.KeyPair) string { return must(k.PublicKey()) }
	claims := jwt.NewAccountClaims(id(account))
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1}
	url := streamtest.Server(t, streamtest.Extra(fmt.Sprintf(
		"operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }",
		must(jwt.NewOperatorClaims(id(operator)).Encode(operator)), id(system),
		id(account), must(claims.Encode(operator)), id(system), must(jwt.NewAccountClaims(id(system)).Encode(operator))))).ClientURL()

	credentials := func(signer nkeys.KeyPair) string {
		user := must(nkeys.CreateUser())
		token := must(jwt.NewUserClaims(id(user)).Encode(signer))
		path := filepath.Join(t.TempDir(), "user.creds")
		if err := os.WriteFile(path, must(jwt.FormatUserConfig(token, must(user.Seed()))), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if code := dials(t, stream.DialConfig{NATSURL: url, NATSCreds: credentials(account)}); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for name, cfg := range map[string]stream.DialConfig{
		"none":               {NATSURL: url},
		"of another account": {NATSURL: url, NATSCreds: credentials(must(nkeys.CreateAccount()))},
	} {
		if code := dials(t, cfg); code != 69 {
			t.Errorf("%s: exit code %d, want 69", name, code)
		}
	}
}
