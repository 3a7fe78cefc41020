package binaries

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/heka"
	"lagermeister/internal/freeport"
	"lagermeister/stream/streamtest"
)

// Every secret of this test holds this word, so that one search finds them all;
// base64 of a text of words at every offset finds them in headers too.
const secret = "hunter2"

// hidden fails the test when a text holds a secret, plain or as it is sent.
func hidden(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range []string{secret, "aHVudGVyM", "h1bnRlcj", "odW50ZXIy"} {
		if at := strings.Index(text, form); at >= 0 {
			t.Errorf("%s shows a secret: …%s…", where, text[max(at-80, 0):min(at+40, len(text))])
			return
		}
	}
}

// secretFile is a file that holds a secret.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Whatever is wrong with the settings, the answer names the variable and not the
// secret in it.
func TestBadSettingsShowNoSecret(t *testing.T) {
	t.Parallel()
	nats := func(prefix string) []string {
		return []string{
			prefix + "_NATS_URL=nats://user:" + secret + "@host:notaport",
			prefix + "_NATS_URL=nats://user:" + secret + "%zz@host:4222",
			prefix + "_NATS_URL=http://user:" + secret + "@host",
			prefix + "_NATS_URL=user:" + secret + "@host",
			prefix + "_NATS_URL=nats://user:a;" + secret + "@host",
			prefix + "_NATS_URL=nats://good,nats://" + secret + "@",
			prefix + "_NATS_PASSWORD=" + secret,
			prefix + "_NATS_PASSWORD=" + secret + "," + prefix + "_NATS_PASSWORD_FILE=/no/such",
			prefix + "_NATS_PASSWRD=" + secret,
		}
	}
	remote := func(prefix string) []string {
		return []string{
			prefix + "_REMOTE_URL=https://user:" + secret + "@host:notaport",
			prefix + "_REMOTE_URL=https://user:" + secret + "%zz@host",
			prefix + "_REMOTE_URL=ftp://user:" + secret + "@host",
			prefix + "_REMOTE_URL=user:" + secret + "@host",
			prefix + "_REMOTE_URL=https://user:" + secret + "@host/#x",
			prefix + "_REMOTE_URL=https://host/?key=" + secret + "#x",
			prefix + "_REMOTE_URL=htps://collector/receiver/" + secret,
			prefix + "_REMOTE_URL=collector/receiver/" + secret,
			prefix + "_REMOTE_PASSWORD=" + secret,
			prefix + "_REMOTE_API_KEY=" + secret + " ü",
			prefix + "_REMOTE_BEARER_TOKEN=" + secret + "\n",
			prefix + "_REMOTE_BEARER_TOKEN=" + secret + "," + prefix + "_REMOTE_API_KEY=" + secret,
			prefix + "_REMOTE_BEARER_TOKN=" + secret,
		}
	}
	signers := secretFile(t, "ops_0 "+secret+"\nbroken "+secret+"\n")
	cases := map[string][]string{
		"tcp_receiver":    append(nats("TCPRCVR"), "TCPRCVR_SIGNERS_FILE="+signers, "TCPRCVR_TLS_CERT="+signers+",TCPRCVR_TLS_KEY="+signers),
		"http_receiver":   append(nats("RCVR"), "RCVR_SIGNERS_FILE="+signers),
		"http_subscriber": append(nats("SUB"), remote("SUB")...),
		"es_subscriber":   append(nats("ESSUB"), remote("ESSUB")...),
		"stats_proxy": append(append(nats("PROXY"), remote("PROXY")...), "PROXY_TOKEN="+secret+" ü", "PROXY_OPERATOR_TOKEN="+secret+"\t",
			"PROXY_TOKENN="+secret, "PROXY_OPERATOR_TOKEN="+secret+",PROXY_OPERATOR_TOKEN_FILE=/x"),
		"local_relay": {"RELAY_HUB_URL=nats://user:" + secret + "%zz@host:4222", "RELAY_HUB_URL=http://u:" + secret + "@host",
			"RELAY_HUB_URL=nats://hub,RELAY_HUB_PASSWORD=" + secret, "ESSUB_REMOTE_URL=ftp://user:" + secret + "@host"},
		"log_generator": {"GEN_PROTOCOL=http,GEN_ADDRESS=http://user:" + secret + "@host:notaport/", "GEN_ADDRESS=http://user:" + secret + "@host",
			"GEN_PROTOCOL=http,GEN_ADDRESS=ftp://user:" + secret + "@host", "GEN_VERIFY_URL=ftp://user:" + secret + "@host",
			"GEN_SIGNER=broken " + secret, "GEN_SIGNER=" + secret, "GEN_SIGNED_SHARE=0.5,GEN_SIGNER=" + secret},
	}
	for program, list := range cases {
		for _, one := range list {
			env := strings.Split(strings.ReplaceAll(one, ";", "\x00"), ",")
			env[0] = strings.ReplaceAll(env[0], "\x00", ",")
			if strings.Contains(one, "nats://good") { // the comma is the list's
				env = []string{one}
			}
			if program == "http_subscriber" && !strings.Contains(one, "SUB_REMOTE_URL") {
				env = append(env, "SUB_REMOTE_URL=http://host/")
			}
			stdout, stderr, code := run(t, env, program, "--check")
			hidden(t, program+" with "+strings.ReplaceAll(one, secret, "*"), stdout+stderr)
			if code == 0 {
				t.Logf("%s takes %s", program, strings.ReplaceAll(one, secret, "*"))
			}
		}
		stdout, stderr, _ := run(t, list[:1], program, "--help")
		hidden(t, program+" --help", stdout+stderr)
	}
	for _, to := range []string{"ftp://user:" + secret + "@host", "http://user:" + secret + "%zz@host", "user:" + secret + "@host",
		"http://user:" + secret + "@127.0.0.1:1/", "tcp://user:" + secret + "@127.0.0.1:1"} {
		stdout, stderr, _ := run(t, nil, "lager_ctl", "send", "--to", to)
		hidden(t, "lager_ctl send", stdout+stderr)
	}
}

// The far ends are there and refuse, with an echo of what they were sent, or are
// not there: nothing of it may show in the log, in metrics or on /ready.
func TestFailuresShowNoSecret(t *testing.T) {
	t.Parallel()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"error":{"type":"security_exception","reason":"unknown %s, at %s"}}`, r.Header.Get("Authorization"), r.URL)
	}))
	t.Cleanup(echo.Close)
	server := streamtest.Server(t, streamtest.SyncAlways).ClientURL()
	here := strings.TrimPrefix(server, "nats://")
	refused := strings.TrimPrefix(echo.URL, "http://")
	withUser, withToken := "nats://user:"+secret+"@"+here, "nats://"+secret+"@"+here
	away := freeport.Addr()

	for _, c := range []struct{ what, program, prefix, env string }{
		{"far end refuses the password", "es_subscriber", "ESSUB", "ESSUB_REMOTE_URL=http://user:" + secret + "@" + refused},
		{"far end refuses the key", "es_subscriber", "ESSUB", "ESSUB_REMOTE_URL=http://" + refused + "|ESSUB_REMOTE_API_KEY=id:" + secret},
		{"far end refuses the token", "http_subscriber", "SUB", "SUB_REMOTE_URL=http://" + refused + "/collector/" + secret + "-and-more?key=" + secret + "|SUB_REMOTE_BEARER_TOKEN=" + secret},
		{"far end is away", "http_subscriber", "SUB", "SUB_REMOTE_URL=http://user:" + secret + "@" + away + "/collector/" + secret + "-and-more?key=" + secret},
		{"stats_proxy", "stats_proxy", "PROXY", "PROXY_REMOTE_URL=http://user:" + secret + "@" + refused + "|PROXY_TOKEN=" + secret + "|PROXY_OPERATOR_TOKEN=" + secret + "2"},
		{"stats_proxy with a key", "stats_proxy", "PROXY", "PROXY_REMOTE_URL=http://" + refused + "/" + secret + "?key=" + secret + "|PROXY_REMOTE_API_KEY=id:" + secret + "|PROXY_TOKEN=" + secret},
		{"http_receiver", "http_receiver", "RCVR", "RCVR_SIGNERS_FILE=" + secretFile(t, "ops_0 "+secret+"\n")},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			admin, intake := freeport.Addr(), freeport.Addr()
			at := withUser
			if c.prefix == "RCVR" || strings.HasSuffix(c.what, "key") {
				at = withToken
			}
			env := append(strings.Split(c.env, "|"), c.prefix+"_NATS_URL="+at, c.prefix+"_LOGGING_LEVEL=debug")
			token := ""
			switch c.prefix {
			case "PROXY":
				_, port, _ := net.SplitHostPort(admin)
				env, token = append(env, "PROXY_HTTP_PORT="+port), secret
			case "RCVR":
				env = append(env, "RCVR_BIND_ADDRESS="+intake, "RCVR_STATS_ADDRESS="+admin)
			default:
				env = append(env, c.prefix+"_STATS_ADDRESS="+admin, c.prefix+"_DELIVER_ALL=true", c.prefix+"_BATCH_TIMEOUT=100ms", c.prefix+"_DURABLE=group"+fmt.Sprint(len(c.what)))
			}
			p := watched(t, c.program, env)
			eventually(t, c.program+" listens", func() bool { status, _ := getWith("http://"+admin+"/health", token); return status == http.StatusOK })
			if c.prefix == "RCVR" || c.prefix == "PROXY" {
				record := []byte{0x4A, 1, 'h', 0x32, 1, 'p'}
				if resp, err := http.Post("http://"+intake+"/", "", bytes.NewReader(record)); err == nil {
					resp.Body.Close()
				}
			} else {
				store(t, server)
				eventually(t, "an attempt has failed", func() bool {
					return strings.Contains(p.errors(), "level=error") || strings.Contains(p.errors(), "sending it again")
				})
			}
			if status, body := getWith("http://"+admin+"/api/v2/settings", secret+"2"); strings.Contains(c.env, "PROXY_OPERATOR_TOKEN") {
				hidden(t, "/api/v2/settings", body)
				if status != http.StatusOK {
					t.Errorf("an operator asks for the settings: %d %s", status, body)
				}
			}
			for _, path := range []string{"/ready", "/metrics", "/version", "/config", "/api/v2/boot", "/api/v2/status", "/api/v2/settings", "/api/v2/search", "/api/v2/ledger", "/debug/pprof/cmdline"} {
				_, body := getWith("http://"+admin+path, token)
				hidden(t, path, body)
			}
			hidden(t, "the log", p.errors())
		})
	}
	t.Run("local_relay", func(t *testing.T) {
		t.Parallel()
		r := newRelay(t)
		r.extra = []string{"ESSUB_REMOTE_URL=http://user:" + secret + "@" + refused + "/" + secret + "?key=" + secret, "RELAY_LOGGING_LEVEL=debug"}
		p := watched(t, "local_relay", r.env())
		eventually(t, "it says where everything listens", func() bool { return strings.Contains(p.errors(), "/api/v2/search") })
		hidden(t, "what it prints", p.errors())
	})
	for _, c := range []struct{ program, prefix string }{
		{"tcp_receiver", "TCPRCVR"}, {"http_receiver", "RCVR"}, {"http_subscriber", "SUB"}, {"es_subscriber", "ESSUB"}, {"stats_proxy", "PROXY"},
	} {
		for what, url := range map[string]string{
			"away": "nats://user:" + secret + "@" + away, "away, a token": "nats://" + secret + "@" + away,
			"no NATS": "nats://user:" + secret + "@" + refused, "no TLS": "tls://user:" + secret + "@" + refused,
		} {
			if strings.HasPrefix(what, "no ") && c.prefix != "TCPRCVR" {
				continue // it takes seconds, and all connect in the same way
			}
			t.Run(c.program+", NATS is "+what, func(t *testing.T) {
				t.Parallel()
				env := []string{c.prefix + "_NATS_URL=" + url, c.prefix + "_CONNECT_RETRIES=1", c.prefix + "_LOGGING_LEVEL=debug"}
				switch c.prefix {
				case "SUB":
					env = append(env, "SUB_REMOTE_URL=http://"+away+"/")
				case "PROXY":
					env = append(env, "PROXY_HTTP_PORT=0")
				}
				stdout, stderr, code := run(t, env, c.program)
				hidden(t, "the log", stdout+stderr)
				if code != 69 {
					t.Errorf("exit %d\n%s", code, stderr)
				}
			})
		}
	}
}

// watched runs a program until the test ends, ready or not.
func watched(t *testing.T, name string, env []string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(filepath.Join(bin, name))}
	p.cmd.Env, p.cmd.Dir = env, t.TempDir()
	p.cmd.Stderr, p.cmd.Stdout = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

// getWith asks with a bearer token, unless it is empty.
func getWith(url, token string) (status int, body string) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(resp.Body)
	return resp.StatusCode, text.String()
}

// store puts one record into the stream, once there is one.
func store(t *testing.T, natsURL string) {
	t.Helper()
	nc, err := nats.Connect(natsURL, nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js := streamtest.JetStream(t, nc)
	d := heka.Draft{Hostname: "h", Payload: "p"}
	eventually(t, "a record is stored", func() bool {
		_, err := js.Publish(t.Context(), "lagermeister-test", heka.AppendFrame(nil, d.Append(nil)))
		return err == nil
	})
}
