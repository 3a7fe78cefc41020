// Package natsserver runs a NATS server with JetStream inside this process: for
// local_relay, which needs no broker of its own, and for tests, which get a new
// one each.
//
// With SyncAlways an acknowledged message is on the disk: the server calls fsync
// before it answers ("sync_interval: always" in the NATS documentation). It is
// the only package that imports nats-server, so the programs that merely speak
// to a broker stay small.
package natsserver

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"
)

// startTimeout bounds how long recovery of the store may take at start.
const startTimeout = 5 * time.Minute

// Config says where the server keeps its data and who can reach it.
type Config struct {
	StoreDir   string // holds all streams; made if missing
	Addr       string // host:port for other processes, port 0 chooses one; "" = no listener
	SyncAlways bool   // fsync before each acknowledgement
	MaxStore   int64  // bytes all streams may reserve; 0 = three quarters of the free space
	MaxPayload int32  // largest message in bytes; 0 = 1 MiB
	// Extra is further configuration in the syntax of the nats-server manual
	// (users, permissions, TLS); the fields above go before it.
	Extra string
	Log   logrus.FieldLogger // what the server warns of; nil = silent
}

// Server is a running NATS server. Shutdown ends it.
type Server struct {
	srv *server.Server
}

// Start returns once the server has recovered its streams and takes connections.
func Start(cfg Config) (*Server, error) {
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server, store %s: %w", cfg.StoreDir, err)
	}
	failed := make(chan string, 1)
	srv.SetLoggerV2(logger{cfg.Log, failed}, false, false, false)
	srv.Start()
	ready := make(chan bool, 1)
	go func() { ready <- srv.ReadyForConnections(startTimeout) }()
	select {
	case ok := <-ready:
		if ok && srv.JetStreamEnabled() {
			return &Server{srv}, nil
		}
		err = fmt.Errorf("embedded NATS server on %q, store %s: not ready after %v", cfg.Addr, cfg.StoreDir, startTimeout)
	case reason := <-failed:
		err = fmt.Errorf("embedded NATS server on %q, store %s: %s", cfg.Addr, cfg.StoreDir, reason)
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	return nil, err
}

// options turns the Config into the server's own options.
func (cfg Config) options() (*server.Options, error) {
	opts := &server.Options{}
	if cfg.Extra != "" {
		if err := opts.ProcessConfigString(cfg.Extra); err != nil {
			return nil, fmt.Errorf("embedded NATS server, configuration %q: %w", cfg.Extra, err)
		}
	}
	opts.ServerName = cmp.Or(opts.ServerName, "lagermeister")
	opts.NoSigs = true // signals belong to the program
	opts.JetStream = true
	opts.StoreDir = cfg.StoreDir
	opts.SyncAlways = cfg.SyncAlways
	opts.JetStreamMaxStore = cfg.MaxStore
	opts.MaxPayload = cfg.MaxPayload
	if cfg.Addr == "" {
		opts.DontListen = true
		return opts, nil
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err == nil {
		opts.Host = host
		opts.Port, err = strconv.Atoi(port)
	}
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: address %q, expected host:port: %w", cfg.Addr, err)
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return opts, nil
}

// ClientURL is where other processes connect; without a listener it is of no use.
func (s *Server) ClientURL() string { return s.srv.ClientURL() }

// InProcess makes a client connect through a pipe instead of the network.
func (s *Server) InProcess() nats.Option { return nats.InProcessServer(s.srv) }

// Shutdown closes all connections, writes what is buffered and returns when the
// server has let go of its store.
func (s *Server) Shutdown() {
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
}
