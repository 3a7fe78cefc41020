package receiver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
)

// maxMessageSize is the largest MAX_MESSAGE_SIZE: a frame of it, with the longest
// header, fills a block of 1 MiB - 4 KiB (docs/wire-format.md, "Blocks").
const maxMessageSize = 1<<20 - 4<<10 - heka.FramingSize - heka.MaxHeader

// IntakeConfig is what both receivers let in, and from whom.
type IntakeConfig struct {
	MatchSpec        string `envconfig:"MATCH_SPEC" original:"true" desc:"Heka message matcher; records that fail it are counted and dropped. Empty keeps all"`
	MaxMessageSize   int    `envconfig:"MAX_MESSAGE_SIZE" default:"65536" desc:"largest message body, bytes; larger ones are refused"`
	SignersFile      string `envconfig:"SIGNERS_FILE" desc:"file with a line for each signer, NAME_VERSION KEY; records with a bad signature are refused. Empty verifies nothing"`
	RequireSignature bool   `envconfig:"REQUIRE_SIGNATURE" default:"false" desc:"refuse unsigned records too; needs SIGNERS_FILE"`
	MaxConnections   int    `envconfig:"MAX_CONNECTIONS" default:"20000" desc:"most open connections; further ones are closed at once and counted"`
	TLSCert          string `envconfig:"TLS_CERT" desc:"PEM file of the server's certificate chain; empty listens without TLS"`
	TLSKey           string `envconfig:"TLS_KEY" desc:"PEM file of the certificate's key"`
	TLSClientCA      string `envconfig:"TLS_CLIENT_CA" desc:"PEM file of the authorities that sign client certificates; when set, each client must show one"`
}

// TCPConfig says where the TCP receiver listens and what it lets in.
type TCPConfig struct {
	BindAddress       string        `envconfig:"BIND_ADDRESS" default:":35000" original:"true" desc:"TCP address to listen on for Heka frames"`
	KeepAlive         bool          `envconfig:"KEEPALIVE" default:"true" original:"true" desc:"send TCP keep-alives, so that connections to vanished hosts end"`
	KeepAliveDuration time.Duration `envconfig:"KEEPALIVEDURATION" default:"30s" original:"true" desc:"time between keep-alives"`
	IntakeConfig
}

// HTTPConfig says where the HTTP receiver listens and what it lets in.
type HTTPConfig struct {
	BindAddress string        `envconfig:"BIND_ADDRESS" default:":35001" original:"true" desc:"TCP address to listen on for HTTP"`
	MaxBody     int64         `envconfig:"MAX_BODY" default:"20971520" desc:"largest request body, before and after decompression, bytes"`
	AckTimeout  time.Duration `envconfig:"ACK_TIMEOUT" default:"5s" desc:"time to wait for the stream to store a request before it is answered 503 (outcome unknown)"`
	IntakeConfig
}

// Validate refuses settings that would fail or be senseless later. Errors start
// with the variable's name less the program's prefix.
func (c *IntakeConfig) Validate() error {
	if _, err := c.matcher(); err != nil {
		return err
	}
	if c.MaxMessageSize < 1 || c.MaxMessageSize > maxMessageSize {
		return fmt.Errorf("MAX_MESSAGE_SIZE=%d: expected 1 to %d bytes, so that its frame fits a block", c.MaxMessageSize, maxMessageSize)
	}
	if c.MaxConnections < 1 {
		return fmt.Errorf("MAX_CONNECTIONS=%d: expected 1 or more", c.MaxConnections)
	}
	if c.RequireSignature && c.SignersFile == "" {
		return errors.New("REQUIRE_SIGNATURE=true: expected SIGNERS_FILE to be set, as without signers no signature can be verified")
	}
	if _, err := c.signers(); err != nil {
		return err
	}
	_, err := c.tlsConfig()
	return err
}

// Validate refuses settings that would fail later.
func (c *TCPConfig) Validate() error {
	if err := c.IntakeConfig.Validate(); err != nil {
		return err
	}
	if c.KeepAlive && c.KeepAliveDuration < time.Second {
		return fmt.Errorf("KEEPALIVEDURATION=%v: expected 1s or more", c.KeepAliveDuration)
	}
	return validAddress(c.BindAddress)
}

// Validate refuses settings that would fail later.
func (c *HTTPConfig) Validate() error {
	if err := c.IntakeConfig.Validate(); err != nil {
		return err
	}
	const most = bodyBudget / 3 // a body that is unpacked into a growing buffer is held up to three times
	if c.MaxBody < 1 || c.MaxBody > most {
		return fmt.Errorf("MAX_BODY=%d: expected 1 to %d bytes", c.MaxBody, most)
	}
	if c.AckTimeout <= 0 {
		return fmt.Errorf("ACK_TIMEOUT=%v: expected more than 0", c.AckTimeout)
	}
	return validAddress(c.BindAddress)
}

func validAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil && port == "" {
		err = errors.New("missing port in address") // the system would choose one
	}
	if err == nil {
		_, err = net.ResolveTCPAddr("tcp", address)
	}
	if err != nil {
		return fmt.Errorf("BIND_ADDRESS=%q: expected HOST:PORT or :PORT: %w", address, err)
	}
	return nil
}

// matcher compiles the match spec; nil, which matches all, when there is none.
func (c *IntakeConfig) matcher() (*matcher.Spec, error) {
	if c.MatchSpec == "" {
		return nil, nil
	}
	spec, err := matcher.Parse(c.MatchSpec)
	if err != nil {
		return nil, fmt.Errorf("MATCH_SPEC: %w", err)
	}
	return spec, nil
}

// signers reads the signers file; nil when there is none.
func (c *IntakeConfig) signers() (heka.Signers, error) {
	if c.SignersFile == "" {
		return nil, nil
	}
	file, err := os.Open(c.SignersFile)
	if err != nil {
		return nil, fmt.Errorf("SIGNERS_FILE=%q: %w", c.SignersFile, err)
	}
	defer file.Close()
	signers, err := heka.ReadSigners(file)
	if err != nil {
		return nil, fmt.Errorf("SIGNERS_FILE=%q: %w", c.SignersFile, err)
	}
	if len(signers) == 0 {
		return nil, fmt.Errorf("SIGNERS_FILE=%q: expected at least one line NAME_VERSION KEY", c.SignersFile)
	}
	return signers, nil
}

// tlsConfig loads certificate, key and client authorities; nil without TLS.
func (c *IntakeConfig) tlsConfig() (*tls.Config, error) {
	switch {
	case c.TLSCert == "" && c.TLSKey != "":
		return nil, fmt.Errorf("TLS_KEY=%q: expected TLS_CERT to be set too", c.TLSKey)
	case c.TLSCert != "" && c.TLSKey == "":
		return nil, fmt.Errorf("TLS_CERT=%q: expected TLS_KEY to be set too", c.TLSCert)
	case c.TLSCert == "" && c.TLSClientCA != "":
		return nil, fmt.Errorf("TLS_CLIENT_CA=%q: expected TLS_CERT and TLS_KEY to be set too", c.TLSClientCA)
	case c.TLSCert == "":
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("TLS_CERT=%q with TLS_KEY=%q: %w", c.TLSCert, c.TLSKey, err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.TLSClientCA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.TLSClientCA)
	if err != nil {
		return nil, fmt.Errorf("TLS_CLIENT_CA=%q: %w", c.TLSClientCA, err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("TLS_CLIENT_CA=%q: expected a PEM file with at least one certificate", c.TLSClientCA)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
