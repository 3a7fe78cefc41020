package binaries

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"lagermeister/internal/freeport"
	"lagermeister/stream/streamtest"
)

// old makes Go's own defaults as lax as they go, so that what holds is what the
// programs ask for.
const old = "GODEBUG=tls10server=1,tls3des=1,tlsrsakex=1"

func TestReceiversSpeakNoTLSBelow12(t *testing.T) {
	t.Parallel()
	certificate, key := selfSigned(t)
	natsURL := streamtest.Server(t).ClientURL()
	for program, prefix := range map[string]string{"tcp_receiver": "TCPRCVR", "http_receiver": "RCVR"} {
		admin, intake := freeport.Addr(), freeport.Addr()
		launch(t, program, admin, old, prefix+"_NATS_URL="+natsURL, prefix+"_STATS_ADDRESS="+admin, prefix+"_BIND_ADDRESS="+intake,
			prefix+"_TLS_CERT="+certificate, prefix+"_TLS_KEY="+key)
		for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
			c, err := tls.Dial("tcp", intake, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
			if taken := err == nil; taken != (version >= tls.VersionTLS12) {
				t.Errorf("%s, %s: %v", program, tls.VersionName(version), err)
			}
			if err == nil {
				c.Close()
			}
		}
	}
}

func TestProgramsOfferNoTLSBelow12(t *testing.T) {
	t.Parallel()
	certificate, key := selfSigned(t)
	for what, env := range map[string][]string{
		"its own authorities": {"ESSUB_NATS_CA=" + certificate},
		"the system's":        {"SSL_CERT_FILE=" + certificate},
		"a certificate":       {"ESSUB_NATS_CERT=" + certificate, "ESSUB_NATS_KEY=" + key},
	} {
		l := listenTLS(t, certificate, key, `INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1048576,"tls_required":true}`+"\r\n")
		_, stderr, code := run(t, append(env, old, "ESSUB_NATS_URL=tls://"+l.addr, "ESSUB_CONNECT_RETRIES=1"), "es_subscriber")
		if code == 0 {
			t.Errorf("NATS with %s: exit 0", what)
		}
		l.offersNothingBelow12(t, "NATS with "+what, stderr)
	}

	natsURL := streamtest.Server(t).ClientURL()
	for program, prefix := range map[string]string{"es_subscriber": "ESSUB", "http_subscriber": "SUB"} {
		l := listenTLS(t, certificate, key, "")
		p := watched(t, program, []string{old, prefix + "_NATS_URL=" + natsURL, prefix + "_STATS_ADDRESS=127.0.0.1:0", prefix + "_DELIVER_ALL=true",
			prefix + "_REMOTE_URL=https://" + l.addr, prefix + "_REMOTE_CA=" + certificate})
		store(t, natsURL)
		eventually(t, program+" connects", func() bool { return len(l.offered()) > 0 })
		l.offersNothingBelow12(t, program, p.errors())
	}

	l := listenTLS(t, certificate, key, "")
	_, stderr, _ := run(t, []string{old}, "lager_ctl", "send", "--to", "tls://"+l.addr, "--ca", certificate)
	l.offersNothingBelow12(t, "lager_ctl send", stderr)
}

// tlsListener notes which versions its clients offer, and takes none of them.
type tlsListener struct {
	addr string
	mu   sync.Mutex
	seen []uint16
}

func (l *tlsListener) offered() []uint16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

func (l *tlsListener) offersNothingBelow12(t *testing.T, who, said string) {
	t.Helper()
	if seen := l.offered(); len(seen) == 0 || slices.Min(seen) < tls.VersionTLS12 {
		t.Errorf("%s offers %x\n%s", who, seen, said)
	}
}

// listenTLS sends greeting to each client, in plain, and then expects TLS.
func listenTLS(t *testing.T, certificate, key, greeting string) *tlsListener {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &tlsListener{addr: inner.Addr().String()}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS10, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.seen = append(l.seen, hello.SupportedVersions...)
		return nil, errors.New("seen enough")
	}}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := inner.Accept()
			if err != nil {
				return
			}
			done.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(patience))
				_, _ = c.Write([]byte(greeting))
				_ = tls.Server(c, config).Handshake()
			})
		}
	})
	t.Cleanup(func() { inner.Close(); done.Wait() })
	return l
}

// selfSigned makes a certificate for 127.0.0.1 that is its own authority, and
// returns the files of it and its key.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8)
}
