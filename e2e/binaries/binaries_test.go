// Package binaries builds the real programs and runs them as a user would:
// --help, bad settings, signals and exit codes. The README's tables of variables
// are compared with what the programs say of themselves.
package binaries

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the tables of variables in README.md")

// programs maps each program to the prefix of its variables.
var programs = []struct{ name, prefix string }{
	{"tcp_receiver", "TCPRCVR"},
	{"http_receiver", "RCVR"},
	{"http_subscriber", "SUB"},
	{"es_subscriber", "ESSUB"},
	{"stats_proxy", "PROXY"},
	{"log_generator", "GEN"},
	{"local_relay", "RELAY"},
}

var bin string // folder of the built programs

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lagermeister-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	args := []string{"build", "-o", dir}
	for _, p := range programs {
		args = append(args, "../../"+p.name)
	}
	args = append(args, "../../lager_ctl")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go %s: %v\n%s", strings.Join(args, " "), err, out)
		return 1
	}
	return m.Run()
}

// run starts a program with nothing in its environment but env and waits for it.
func run(t *testing.T, env []string, name string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
	cmd.Env = env
	cmd.Dir = t.TempDir()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s %v did not end; stderr:\n%s", name, args, errs.String())
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestHelpAndVersionNeedNoSettings(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		for _, arg := range []string{"--help", "-h", "--version"} {
			stdout, stderr, code := run(t, nil, p.name, arg)
			if code != 0 || stderr != "" || !strings.HasPrefix(stdout, p.name) {
				t.Errorf("%s %s: exit %d, stderr %q, stdout %.60q", p.name, arg, code, stderr, stdout)
			}
		}
	}
}

func TestDefaultsPassTheCheck(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		var env []string
		if p.name == "http_subscriber" { // where to post has no default
			env = append(env, "SUB_REMOTE_URL=http://localhost:8080/")
		}
		if stdout, stderr, code := run(t, env, p.name, "--check"); code != 0 || !strings.Contains(stdout, "settings are valid") {
			t.Errorf("%s: exit %d, %s%s", p.name, code, stdout, stderr)
		}
	}
}

func TestBadSettingsEndWith78AndAreNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ program, env, want string }{
		{"tcp_receiver", "TCPRCVR_MAX_MESSAGE_SIZE=0", "TCPRCVR_MAX_MESSAGE_SIZE=0: expected"},
		{"tcp_receiver", "TCPRCVR_BIND_ADRESS=:1", "did you mean TCPRCVR_BIND_ADDRESS?"},
		{"http_receiver", "RCVR_MATCH_SPEC=Type == 'a' && Foo == 3", "                ^"},
		{"http_receiver", "RCVR_MATCH_SPEC=Type == 'a' && Foo == 3", "RCVR_MATCH_SPEC"},
		{"http_receiver", "RCVR_ACK_TIMEOUT=5", "expected a duration such as"},
		{"http_receiver", "RCVR_BIND_ADDRESS=", `RCVR_BIND_ADDRESS="": expected HOST:PORT`},
		{"http_receiver", "RCVR_SUBJECT=logs.*", "RCVR_SUBJECT=logs.*: expected one subject to store to"},
		{"http_receiver", "RCVR_NATS_URL=localhost:4222", "RCVR_NATS_URL=localhost:4222: expected nats://"},
		{"tcp_receiver", "TCPRCVR_NATS_CREDS=/nowhere", "TCPRCVR_NATS_CREDS=/nowhere: "},
		{"tcp_receiver", "TCPRCVR_NATS_CA=/nowhere", "TCPRCVR_NATS_CA=/nowhere: "},
		{"http_subscriber", "SUB_REMOTE_URL=localhost:80", "SUB_REMOTE_URL"},
		{"http_subscriber", "SUB_SUBJECT=a", "SUB_REMOTE_URL: expected at least one URL"},
		{"es_subscriber", "ESSUB_REMOTE_URL=localhost:9200", "ESSUB_REMOTE_URL"},
		{"es_subscriber", "ESSUB_INDEX=x-%{", "ESSUB_INDEX"},
		{"es_subscriber", "ESSUB_FORMAT=xml", "ESSUB_FORMAT"},
		{"stats_proxy", "PROXY_BIND_ADDRESS=0.0.0.0", "PROXY_TOKEN"},
		{"log_generator", "GEN_PROTOCOL=udp", `GEN_PROTOCOL="udp"`},
		{"tcp_receiver", "TCPRCVR_STATS_ADDRESS=34999", `TCPRCVR_STATS_ADDRESS="34999": expected HOST:PORT`},
		{"http_receiver", "RCVR_STATS_ADDRESS=:port", "RCVR_STATS_ADDRESS"},
		{"http_subscriber", "SUB_STATS_ADDRESS=:99999", "SUB_STATS_ADDRESS"},
		{"es_subscriber", "ESSUB_STATS_ADDRESS=localhost", "ESSUB_STATS_ADDRESS"},
		{"local_relay", "RELAY_NATS_ADDRESS=4222", "RELAY_NATS_ADDRESS"},
		{"local_relay", "RELAY_STORE_ADDRESS=localhost", "RELAY_STORE_ADDRESS"},
		{"local_relay", "RELAY_STATS_ADDRESS=:x", "RELAY_STATS_ADDRESS"},
		{"local_relay", "RELAY_SUBJECT=logs.>", "RELAY_SUBJECT=logs.>: expected one subject to store to"},
		{"local_relay", "RELAY_DATA_DIRR=x", "did you mean RELAY_DATA_DIR?"},
	} {
		_, stderr, code := run(t, []string{c.env}, c.program, "--check")
		if code != 78 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s with %s: exit %d, want 78 and %q in\n%s", c.program, c.env, code, c.want, stderr)
		}
	}
}

func TestAnOldEnvironmentFileStartsTheNewPrograms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		program string
		env     []string
	}{
		{"http_receiver", []string{"RCVR_BIND_ADDRESS=:35001", "RCVR_NATS_URL=nats://localhost:4222", "RCVR_CLUSTER_ID=test-cluster",
			"RCVR_CLIENT_ID=a", "RCVR_SUBJECT=s", "RCVR_MATCH_SPEC=TRUE", "RCVR_CONNECT_HOLD_DOWN=10s"}},
		{"tcp_receiver", []string{"BIND_ADDRESS=:35000", "TCPRCVR_CLIENT_ID=a", "TCPRCVR_LISTEN_COUNT=20", "TCPRCVR_KEEPALIVE=true",
			"TCPRCVR_KEEPALIVEDURATION=30s", "TCPRCVR_METRICREPORTER_NATSURL=x", "TCPRCVR_STATS_ADDRESS=:34999", "LOGGING_LEVEL=debug"}},
		{"http_subscriber", []string{"SUB_CLIENT_ID=a", "SUB_SUBJECT=s", "SUB_REMOTE_URL=http://localhost/", "SUB_START_SEQ=0",
			"SUB_START_DELTA=1h", "SUB_DELIVER_ALL=false", "SUB_DELIVER_LAST=false", "SUB_UNSUBSCRIBE=false", "SUB_DURABLE=d", "SUB_QGROUP=q",
			"SUB_STUB_HTTP=false", "SUB_BATCH_TIMEOUT=10s", "SUB_BATCH_SIZE=100", "SUB_FIELDS=Uuid,Payload", "SUB_DYNAMIC_FIELDS=a,b"}},
		{"stats_proxy", []string{"PROXY_HTTP_PORT=9010", "PROXY_NATS_URL=nats://localhost:4222", "PROXY_SUB_CHANNEL=stats-events"}},
	} {
		if stdout, stderr, code := run(t, c.env, c.program, "--check"); code != 0 {
			t.Errorf("%s: exit %d\n%s%s", c.program, code, stdout, stderr)
		}
	}
}

func TestUnreachableNATSIsSaidInOneLineAndEndsWith69(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ program, env string }{
		{"tcp_receiver", "TCPRCVR_BIND_ADDRESS=127.0.0.1:0,TCPRCVR_STATS_ADDRESS=127.0.0.1:0"},
		{"http_receiver", "RCVR_BIND_ADDRESS=127.0.0.1:0,RCVR_STATS_ADDRESS=127.0.0.1:0"},
		{"http_subscriber", "SUB_REMOTE_URL=http://localhost:1/,SUB_STATS_ADDRESS=127.0.0.1:0"},
		{"es_subscriber", "ESSUB_STATS_ADDRESS=127.0.0.1:0"},
		{"stats_proxy", "PROXY_HTTP_PORT=0"},
	} {
		prefix := strings.SplitN(c.env, "_", 2)[0]
		env := append(strings.Split(c.env, ","), prefix+"_NATS_URL=nats://127.0.0.1:1", prefix+"_CONNECT_RETRIES=1")
		_, stderr, code := run(t, env, c.program)
		if code != 69 || !strings.Contains(stderr, "127.0.0.1:1") {
			t.Errorf("%s: exit %d, stderr\n%s", c.program, code, stderr)
		}
	}
}
