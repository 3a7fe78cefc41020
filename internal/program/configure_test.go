package program

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Tests that set variables cannot run in parallel: the environment is the process's.

type flat struct {
	Subject  string   `envconfig:"SUBJECT" default:"lagermeister-test" original:"true" desc:"subject"`
	Password string   `envconfig:"PASSWORD" secret:"true" desc:"password"`
	Fields   []string `envconfig:"FIELDS" desc:"fields"`
	MaxBody  int64    `envconfig:"MAX_BODY" default:"20" desc:"largest body, bytes"`
	Log
}

func configure(t *testing.T, prefix string, cfg any, args ...string) ([]string, error) {
	t.Helper()
	return Configure("test", args, io.Discard, Part{Prefix: prefix, Config: cfg})
}

func TestVariablesAreReadWithTheirPrefix(t *testing.T) {
	t.Setenv("RCVR_SUBJECT", "a")
	t.Setenv("RCVR_FIELDS", "x,y")
	var cfg flat
	if _, err := configure(t, "RCVR", &cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.Subject != "a" || len(cfg.Fields) != 2 || cfg.MaxBody != 20 || cfg.LoggingLevel != "info" {
		t.Errorf("got %+v", cfg)
	}
}

func TestOnlyTheOriginalsVariablesMayBeGivenWithoutPrefix(t *testing.T) {
	t.Setenv("SUBJECT", "bare")
	t.Setenv("MAX_BODY", "7")
	var cfg flat
	if _, err := configure(t, "RCVR", &cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.Subject != "bare" || cfg.MaxBody != 20 {
		t.Errorf("got subject %q, max body %d", cfg.Subject, cfg.MaxBody)
	}
	if os.Getenv("MAX_BODY") != "7" {
		t.Error("the environment was changed")
	}
}

func TestASettingThatCannotBeUsedIsNamedWithItsValueAndWhatWasExpected(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"RCVR_MAX_BODY", "abc", `RCVR_MAX_BODY="abc": expected a whole number`},
		{"RCVR_MAX_BODY", "9223372036854775808", `RCVR_MAX_BODY="9223372036854775808": expected a whole number; this one is out of range`},
		{"RCVR_LOGGING_LEVEL", "loud", `RCVR_LOGGING_LEVEL="loud": expected debug, info, warn or error`},
		{"RCVR_LOGGING_LEVEL", "panic", `RCVR_LOGGING_LEVEL="panic": expected debug, info, warn or error`},
		{"RCVR_X", "x", "RCVR_X: unknown variable; did you mean RCVR_"},
		{"RCVR_SUBJEKT", "x", "RCVR_SUBJEKT: unknown variable; did you mean RCVR_SUBJECT?"},
		{"RCVR_PASSWORD_FILE", "/nowhere", `RCVR_PASSWORD_FILE="/nowhere": open /nowhere`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(c.name, c.value)
			var cfg flat
			_, err := configure(t, "RCVR", &cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if code := exitCode(err); code != ExitConfig {
				t.Errorf("exit code %d, want %d", code, ExitConfig)
			}
		})
	}
}

func TestASecretCanComeFromAFileAndIsNeverPrinted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("RCVR_PASSWORD_FILE", path)
	var cfg flat
	if _, err := configure(t, "RCVR", &cfg); err != nil {
		t.Fatal(err)
	}
	if cfg.Password != "geheim" {
		t.Errorf("got %q", cfg.Password)
	}
	if _, set := os.LookupEnv("RCVR_PASSWORD"); set {
		t.Error("the secret stayed in the environment")
	}
	var out bytes.Buffer
	_, err := Configure("test", []string{"--help"}, &out, Part{Prefix: "RCVR", Config: &cfg})
	if !errors.Is(err, ErrDone) || !strings.Contains(out.String(), "RCVR_PASSWORD") || strings.Contains(out.String(), "geheim") {
		t.Errorf("help: %v\n%s", err, out.String())
	}
}

func TestRetiredVariablesAreListedInOneNote(t *testing.T) {
	t.Setenv("SUB_CLIENT_ID", "x")
	t.Setenv("SUB_CLUSTER_ID", "y")
	t.Setenv("UI_LISTEN_ADDR", ":1")
	t.Setenv("SUB_SUBJECT", "s")
	var cfg flat
	notes, err := configure(t, "SUB", &cfg)
	if err != nil || len(notes) != 1 || !strings.HasPrefix(notes[0], "accepted and without effect: SUB_CLIENT_ID (") ||
		!strings.Contains(notes[0], "), SUB_CLUSTER_ID (") || !strings.Contains(notes[0], "), UI_LISTEN_ADDR (") {
		t.Errorf("notes %q, error %v", notes, err)
	}
}

func TestForeignVariablesUnderACommonPrefixAreNotesOnly(t *testing.T) {
	t.Setenv("SUB_NET_MASK_OF_SOMETHING_ELSE", "x")
	var cfg flat
	notes, err := configure(t, "SUB", &cfg)
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "SUB_NET_MASK_OF_SOMETHING_ELSE") {
		t.Errorf("notes %q, error %v", notes, err)
	}
}

// What Kubernetes sets in every container for a service called rcvr.
func TestVariablesOfKubernetesAreNobodysMistake(t *testing.T) {
	for name, value := range map[string]string{
		"RCVR_SERVICE_HOST": "10.0.0.1", "RCVR_SERVICE_PORT": "35001", "RCVR_SERVICE_PORT_HTTP": "35001",
		"RCVR_PORT": "tcp://10.0.0.1:35001", "RCVR_PORT_35001_TCP": "tcp://10.0.0.1:35001", "RCVR_PORT_514_UDP": "udp://10.0.0.1:514",
		"RCVR_PORT_35001_TCP_PROTO": "tcp", "RCVR_PORT_35001_TCP_PORT": "35001", "RCVR_PORT_35001_TCP_ADDR": "10.0.0.1",
	} {
		t.Setenv(name, value)
	}
	var cfg flat
	if notes, err := configure(t, "RCVR", &cfg); err != nil || len(notes) != 0 {
		t.Errorf("notes %q, error %v", notes, err)
	}
	t.Setenv("RCVR_PORT", "35001") // somebody means us
	if _, err := configure(t, "RCVR", &cfg); err == nil || !strings.HasPrefix(err.Error(), "RCVR_PORT: unknown variable") {
		t.Errorf("RCVR_PORT=35001: %v", err)
	}
}

func TestCheckAddressWantsAPort(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		":0": true, "127.0.0.1:35003": true, "[::1]:1": true, ":65535": true,
		"": false, ":": false, "localhost": false, "localhost:": false, ":65536": false, "1.2.3.4.5:x": false, "::1:1": false,
	} {
		if err := CheckAddress("STATS_ADDRESS", address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		} else if err != nil && !strings.HasPrefix(err.Error(), "STATS_ADDRESS") {
			t.Errorf("%q: %v does not begin with the variable", address, err)
		}
	}
}

func TestATypingErrorUnderACommonPrefixIsAnError(t *testing.T) {
	t.Setenv("SUB_SUBJEC", "x")
	var cfg flat
	if _, err := configure(t, "SUB", &cfg); err == nil {
		t.Error("accepted")
	}
}

func TestVersionAndCheckEndWithoutRunning(t *testing.T) {
	for _, arg := range []string{"--help", "-h", "--version", "--check"} {
		var cfg flat
		if _, err := configure(t, "RCVR", &cfg, arg); !errors.Is(err, ErrDone) {
			t.Errorf("%s: %v", arg, err)
		}
	}
	var cfg flat
	if _, err := configure(t, "RCVR", &cfg, "--nonsense"); exitCode(err) != ExitUsage {
		t.Errorf("got %v", err)
	}
}

func TestEditsCountsInsertionsDeletionsAndChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"ab", "abc", 1}, {"kitten", "sitting", 3}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("edits(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
