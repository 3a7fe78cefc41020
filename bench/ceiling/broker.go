package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName = "ceiling"
	subject    = "ceiling.records"
	startTime  = 30 * time.Second // for a server to start
)

// brokerFlags say which broker to use.
type brokerFlags struct {
	program, dir, url string
	fsync             bool
	pid               int
}

func (b *brokerFlags) register(f *flag.FlagSet) {
	f.StringVar(&b.program, "nats-server", "nats-server", "`program` to start; go build github.com/nats-io/nats-server/v2 makes it")
	f.StringVar(&b.dir, "dir", "", "`folder` for the store of the server that is started; empty: the system's for temporary files")
	f.BoolVar(&b.fsync, "fsync", false, "the server that is started calls fsync before it acknowledges")
	f.StringVar(&b.url, "url", "", "use the server at this `address` instead; the stream "+streamName+" is made there, and removed")
	f.IntVar(&b.pid, "server-pid", 0, "process of the server at -url")
}

// broker is a NATS server with an empty stream of files.
type broker struct {
	url    string
	pid    int
	dir    string    // of the server that was started here
	cmd    *exec.Cmd // nil when it was not
	stream jetstream.Stream
	conns  []*nats.Conn
	ctx    context.Context // ends when a connection does
	cancel context.CancelCauseFunc
}

// open starts the server or finds it, and makes the stream. close undoes both.
func (b brokerFlags) open(ctx context.Context) (_ *broker, err error) {
	if b.url != "" && b.fsync {
		return nil, fmt.Errorf("-fsync is for the server that is started, with -url it has its own settings: %w", errUsage)
	}
	s := &broker{url: b.url, pid: b.pid}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if b.url == "" {
		if err := s.start(b); err != nil {
			return nil, err
		}
	}
	nc, err := s.connect()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	s.stream, err = js.CreateStream(s.ctx, jetstream.StreamConfig{Name: streamName, Subjects: []string{subject}})
	if err != nil {
		return nil, fmt.Errorf("make stream %s at %s: %w", streamName, s.url, err)
	}
	return s, nil
}

// start starts a server on a free port of loopback, which it writes into a file.
func (s *broker) start(b brokerFlags) (err error) {
	if s.dir, err = os.MkdirTemp(b.dir, "ceiling-"); err != nil {
		return err
	}
	interval := "2m" // nats-server's default
	if b.fsync {
		interval = "always"
	}
	conf := filepath.Join(s.dir, "nats.conf")
	text := fmt.Sprintf("listen: \"127.0.0.1:-1\"\nports_file_dir: %q\nmax_payload: 8MB\njetstream { store_dir: %q, sync_interval: %s }\n",
		s.dir, filepath.Join(s.dir, "store"), interval)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(b.program, "-c", conf)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start nats-server: %w; -nats-server names the program", err)
	}
	s.cmd, s.pid = cmd, cmd.Process.Pid
	ports := filepath.Join(s.dir, fmt.Sprintf("%s_%d.ports", filepath.Base(b.program), s.pid))
	for began := time.Now(); s.ctx.Err() == nil && time.Since(began) < startTime; time.Sleep(10 * time.Millisecond) {
		var at struct{ Nats []string }
		if text, err := os.ReadFile(ports); err == nil && json.Unmarshal(text, &at) == nil && len(at.Nats) > 0 {
			s.url = at.Nats[0]
			return nil
		}
	}
	said, _ := os.ReadFile(log.Name())
	return fmt.Errorf("%s does not listen after %v; the end of its log: %s", b.program, startTime, said[max(0, len(said)-1000):])
}

// connect opens one more connection. When one ends too early, so does s.ctx.
func (s *broker) connect() (*nats.Conn, error) {
	nc, err := nats.Connect(s.url, nats.NoReconnect(), nats.ClosedHandler(func(nc *nats.Conn) {
		s.cancel(fmt.Errorf("connection to %s has ended: %w", s.url, nc.LastError()))
	}))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", s.url, err)
	}
	s.conns = append(s.conns, nc)
	return nc, nil
}

// close removes the stream, and the server with its data if it was started here.
func (s *broker) close() {
	if s.cmd == nil && s.stream != nil {
		ctx, cancel := context.WithTimeout(context.Background(), startTime)
		defer cancel()
		js, err := jetstream.New(s.conns[0])
		if err == nil {
			err = js.DeleteStream(ctx, streamName)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "ceiling: stream %s stays at %s: %v\n", streamName, s.url, err)
		}
	}
	for _, nc := range s.conns {
		nc.Close()
	}
	s.cancel(nil)
	if s.cmd != nil {
		stopped := time.AfterFunc(startTime, func() { _ = s.cmd.Process.Kill() })
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait() // its exit code does not matter any more
		stopped.Stop()
	}
	if s.dir != "" {
		if err := os.RemoveAll(s.dir); err != nil {
			fmt.Fprintln(os.Stderr, "ceiling:", err)
		}
	}
}
