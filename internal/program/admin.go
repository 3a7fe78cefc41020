package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lagermeister/internal/httpserver"
)

// adminLimits leave a profile the time that pprof allows for.
var adminLimits = httpserver.Limits{Connections: 256, Read: 10 * time.Second, Write: 2 * time.Minute}

// scrapes is how many requests for /metrics are answered at a time, others get 503.
const scrapes = 8

// AdminRoutes adds what every program answers to people and monitors:
//
//	/health   200 as long as the process works
//	/ready    200, or 503 with the reasons it should not be given work; notes in either case
//	/metrics  Prometheus
//	/version  version, commit and Go release
func AdminRoutes(mux *http.ServeMux, gatherer prometheus.Gatherer, notReady func() []string, notes ...func() []string) {
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		status, answer := http.StatusOK, readiness{Status: "ready", Reasons: notReady()}
		if len(answer.Reasons) > 0 {
			status, answer.Status = http.StatusServiceUnavailable, "not ready"
		}
		for _, list := range notes {
			answer.Notes = append(answer.Notes, list()...)
		}
		writeJSON(w, status, answer)
	})
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"version": Version()})
	})
	mux.Handle("/metrics", promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes}))
}

// CheckAddress refuses an address that nothing can listen on; name is the
// variable's, less the prefix.
func CheckAddress(name, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil && port == "" {
		err = errors.New("missing port in address") // the system would choose one
	}
	if err == nil {
		_, err = net.ResolveTCPAddr("tcp", address)
	}
	if err != nil {
		return fmt.Errorf("%s=%q: expected HOST:PORT or :PORT: %w", name, address, err)
	}
	return nil
}

// readiness is the answer of /ready.
type readiness struct {
	Status  string   `json:"status"`
	Reasons []string `json:"reasons,omitempty"` // why not
	Notes   []string `json:"notes,omitempty"`   // how it goes
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the peer may be gone
}

// Admin serves AdminRoutes and /debug/pprof on a port of its own.
type Admin struct {
	listener net.Listener
	server   *http.Server
}

// NewAdmin listens on address. notReady names the reasons for /ready, none when
// the program may be given work; notes tell how it goes. They are called from
// several goroutines.
func NewAdmin(address string, gatherer prometheus.Gatherer, notReady func() []string, notes ...func() []string) (*Admin, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for health and metrics: %w", err)
	}
	mux := http.NewServeMux()
	AdminRoutes(mux, gatherer, notReady, notes...)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return &Admin{
		listener: listener,
		server:   httpserver.New(mux, adminLimits),
	}, nil
}

// Addr is where the admin port listens.
func (a *Admin) Addr() net.Addr { return a.listener.Addr() }

// Serve answers until Shutdown.
func (a *Admin) Serve() error {
	if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown ends Serve, giving open requests a second.
func (a *Admin) Shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if a.server.Shutdown(ctx) != nil {
		a.server.Close()
	}
}
