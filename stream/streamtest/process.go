package streamtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"lagermeister/internal/freeport"
	"lagermeister/internal/natsserver"
)

// serveEnv carries the settings of a server to the process that is to run it.
const serveEnv = "LAGERMEISTER_STREAMTEST_SERVER"

// Main is for TestMain of a package that uses NewProcess: the test binary is
// then also the program of the server.
func Main(m *testing.M) {
	if conf := os.Getenv(serveEnv); conf != "" {
		os.Exit(serve(conf))
	}
	os.Exit(m.Run())
}

// serve runs a server until its parent is gone.
func serve(conf string) int {
	var cfg natsserver.Config
	if err := json.Unmarshal([]byte(conf), &cfg); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, err := natsserver.Start(cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	return 0
}

// Process is a server in a process of its own, which can be killed.
type Process struct {
	URL string // stays the same over Start

	t     testing.TB
	cfg   natsserver.Config
	cmd   *exec.Cmd
	stdin io.Closer
}

// NewProcess starts a server process; the package's TestMain must call Main. It
// ends with the test.
func NewProcess(t testing.TB, opts ...Option) *Process {
	t.Helper()
	p := &Process{t: t, cfg: natsserver.Config{Addr: freeport.Addr(), MaxStore: 64 << 30}}
	for _, o := range opts {
		o(&p.cfg)
	}
	if p.cfg.StoreDir == "" {
		p.cfg.StoreDir = t.TempDir()
	}
	p.Start()
	t.Cleanup(p.Kill)
	return p
}

// Start runs the server, after Kill with the same address and data.
func (p *Process) Start() {
	p.t.Helper()
	conf, err := json.Marshal(p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), serveEnv+"="+string(conf))
	p.cmd.Stderr = os.Stderr
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		p.t.Fatalf("server process said %q: %v", line, err)
	}
	p.URL = strings.TrimSpace(line)
}

// Pause stops the server without closing anything (SIGSTOP), as a stalled disk
// or machine would; Resume lets it go on.
func (p *Process) Pause() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends Pause.
func (p *Process) Resume() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the server as a crash would (SIGKILL). It may be called twice.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = p.stdin.Close()
	p.cmd = nil
}
