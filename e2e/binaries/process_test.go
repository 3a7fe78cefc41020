package binaries

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"lagermeister/internal/loadgen"
	"lagermeister/stream/streamtest"
)

// patience is how long a test waits for what must happen, on a busy machine too.
const patience = 3 * time.Minute

// eventually polls until ok, and fails the test when that takes longer than patience.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// process is a running program. It ends with the test at the latest.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	admin string // address of /ready and /metrics

	mu     sync.Mutex
	stderr bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

func (p *process) errors() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// launch runs a program with nothing in its environment but env, and returns
// when it is ready.
func launch(t *testing.T, name, admin string, env ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, admin: admin, cmd: exec.Command(filepath.Join(bin, name))}
	p.cmd.Env, p.cmd.Dir = env, t.TempDir()
	p.cmd.Stderr = p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.errors())
		}
	})
	eventually(t, name+" is ready", func() bool {
		status, _ := get("http://" + admin + "/ready")
		return status == http.StatusOK
	})
	return p
}

// kill ends the program as a crash would. It may be called twice.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// terminate asks the program to stop and returns its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Signal(syscall.SIGQUIT) })
	defer late.Stop()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return p.cmd.ProcessState.ExitCode()
}

// metric is the sum of all series of a metric.
func (p *process) metric(name string) (sum float64) {
	_, body := get("http://" + p.admin + "/metrics")
	for line := range strings.Lines(body) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if found, _, _ := strings.Cut(series, "{"); found == name {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				p.t.Fatalf("%s: %v in %q", p.name, err, line)
			}
			sum += n
		}
	}
	return sum
}

// get returns status 0 when nobody answers.
func get(url string) (status int, body string) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// load is log_generator's engine at work.
type load struct {
	*loadgen.Generator
	t     *testing.T
	lines bytes.Buffer // what it prints; read after end
	stop  context.CancelFunc
	ended chan error
}

// generate sends records, as fast as they are taken, until end or as many as
// change asks for.
func generate(t *testing.T, change func(*loadgen.Config)) *load {
	t.Helper()
	cfg := loadgen.Config{Protocol: "http", Connections: 8, PerRequest: 1, Size: 300, Distribution: "fixed", VerifyWait: patience}
	change(&cfg)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	l := &load{t: t, ended: make(chan error, 1)}
	var err error
	if l.Generator, err = loadgen.New(cfg, &l.lines); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	go func() { l.ended <- l.Run(ctx) }()
	return l
}

// end stops sending, now or when all is sent.
func (l *load) end(now bool) {
	l.t.Helper()
	if now {
		l.stop()
	}
	if err := <-l.ended; err != nil {
		l.t.Fatalf("%v\n%s", err, l.lines.String())
	}
	l.stop()
}

// verify reads every record back that was acknowledged, and wants each once.
func (l *load) verify() {
	l.t.Helper()
	if err := l.Verify(l.t.Context()); err != nil {
		l.t.Errorf("%v\n%s", err, l.lines.String())
	}
	lines := bufio.NewScanner(&l.lines)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "verify:") || strings.HasPrefix(lines.Text(), "sent ") {
			l.t.Log(lines.Text())
		}
	}
}

// hurry makes the server give the blocks of a killed member to another at once,
// not only after the minute that a living one has. A member that starts resets
// this.
func hurry(t *testing.T, natsURL, stream, group string) {
	t.Helper()
	nc, err := nats.Connect(natsURL, nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js := streamtest.JetStream(t, nc)
	ctx := streamtest.Context(t)
	c, err := js.Consumer(ctx, stream, group)
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.CachedInfo().Config
	cfg.AckWait = 2 * time.Second
	if _, err := js.UpdateConsumer(ctx, stream, cfg); err != nil {
		t.Fatal(err)
	}
}
