package receiver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestValidateNamesVariableValueAndExpectation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	id := newIdentity(t, "server")
	cases := []struct {
		name   string
		change func(*TCPConfig, *HTTPConfig)
		want   []string // in the error; none for a valid one
	}{
		{"defaults", func(*TCPConfig, *HTTPConfig) {}, nil},
		{"spec", func(c *TCPConfig, _ *HTTPConfig) { c.MatchSpec = `Type == "x" AND` }, []string{"MATCH_SPEC", "^"}},
		{"message size", func(c *TCPConfig, _ *HTTPConfig) { c.MaxMessageSize = 1 << 20 }, []string{"MAX_MESSAGE_SIZE=1048576", "expected 1 to 1044222"}},
		{"no message size", func(c *TCPConfig, _ *HTTPConfig) { c.MaxMessageSize = 0 }, []string{"MAX_MESSAGE_SIZE=0"}},
		{"connections", func(c *TCPConfig, _ *HTTPConfig) { c.MaxConnections = 0 }, []string{"MAX_CONNECTIONS=0", "expected 1 or more"}},
		{"required without signers", func(c *TCPConfig, _ *HTTPConfig) { c.RequireSignature = true }, []string{"REQUIRE_SIGNATURE", "SIGNERS_FILE"}},
		{"no signers file", func(c *TCPConfig, _ *HTTPConfig) { c.SignersFile = dir + "/none" }, []string{"SIGNERS_FILE", "/none", "no such file"}},
		{"bad signers file", func(c *TCPConfig, _ *HTTPConfig) { c.SignersFile = file("bad", "ops_0\n") }, []string{"SIGNERS_FILE", "line 1"}},
		{"empty signers file", func(c *TCPConfig, _ *HTTPConfig) { c.SignersFile = file("empty", "") }, []string{"SIGNERS_FILE", "expected at least one"}},
		{"key without certificate", func(c *TCPConfig, _ *HTTPConfig) { c.TLSKey = id.key }, []string{"TLS_KEY", "TLS_CERT"}},
		{"certificate without key", func(c *TCPConfig, _ *HTTPConfig) { c.TLSCert = id.cert }, []string{"TLS_CERT", "TLS_KEY"}},
		{"authority without certificate", func(c *TCPConfig, _ *HTTPConfig) { c.TLSClientCA = id.cert }, []string{"TLS_CLIENT_CA", "TLS_CERT"}},
		{"authority is no certificate", func(c *TCPConfig, _ *HTTPConfig) {
			c.TLSCert, c.TLSKey, c.TLSClientCA = id.cert, id.key, file("ca", "?")
		}, []string{"TLS_CLIENT_CA", "PEM"}},
		{"TLS", func(c *TCPConfig, _ *HTTPConfig) { c.TLSCert, c.TLSKey, c.TLSClientCA = id.cert, id.key, id.cert }, nil},
		{"address", func(c *TCPConfig, _ *HTTPConfig) { c.BindAddress = "35000" }, []string{"BIND_ADDRESS", "35000", "HOST:PORT"}},
		{"keep-alive", func(c *TCPConfig, _ *HTTPConfig) { c.KeepAliveDuration = time.Millisecond }, []string{"KEEPALIVEDURATION=1ms"}},
		{"body", func(_ *TCPConfig, c *HTTPConfig) { c.MaxBody = 1 << 30 }, []string{"MAX_BODY=1073741824"}},
		{"ack timeout", func(_ *TCPConfig, c *HTTPConfig) { c.AckTimeout = 0 }, []string{"ACK_TIMEOUT=0s"}},
		{"no address", func(c *TCPConfig, _ *HTTPConfig) { c.BindAddress = "" }, []string{`BIND_ADDRESS=""`, "HOST:PORT"}},
		{"no port", func(c *TCPConfig, _ *HTTPConfig) { c.BindAddress = "localhost:" }, []string{`BIND_ADDRESS="localhost:"`, "missing port"}},
		{"port out of range", func(c *TCPConfig, _ *HTTPConfig) { c.BindAddress = ":65536" }, []string{`BIND_ADDRESS=":65536"`, "invalid port"}},
		{"HTTP address", func(_ *TCPConfig, c *HTTPConfig) { c.BindAddress = "x:y:z" }, []string{"BIND_ADDRESS", "x:y:z"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tcp := TCPConfig{BindAddress: ":35000", KeepAlive: true, KeepAliveDuration: 30 * time.Second, IntakeConfig: testConfig()}
			web := HTTPConfig{BindAddress: ":35001", MaxBody: 20 << 20, AckTimeout: 5 * time.Second, IntakeConfig: testConfig()}
			c.change(&tcp, &web)
			err := tcp.Validate()
			if err == nil {
				err = web.Validate()
			}
			if (err == nil) != (c.want == nil) {
				t.Fatalf("error is %v, want it to name %q", err, c.want)
			}
			for _, word := range c.want {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not name %q", err, word)
				}
			}
		})
	}
}
