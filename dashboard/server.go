package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sirupsen/logrus"

	"lagermeister/internal/httpserver"
	"lagermeister/search"
	"lagermeister/stats"
)

// limits leave a search the time it may take, and its answer a slow line.
var limits = httpserver.Limits{Connections: 1024, Read: 10 * time.Second, Write: time.Minute}

// Feed is what the dashboard shows live. *stats.Hub is one. Subscribe never
// blocks; a viewer's channel is closed when it is too slow.
type Feed interface {
	Subscribe() *stats.Viewer
	Known() map[string]map[string]bool
}

// Server is the dashboard with its listener.
type Server struct {
	cfg      Config
	feed     Feed
	log      logrus.FieldLogger
	mux      *http.ServeMux
	listener net.Listener
	server   *http.Server
	store    search.Store // may be nil
	version  string
	about    About
	patterns []string // of all routes

	mu       sync.Mutex
	public   map[string]bool // paths that need no token
	checks   []func() []string
	sockets  map[*websocket.Conn]struct{}
	entered  int // websockets, and requests that become one
	draining bool
	stop     chan struct{} // closed when websockets shall end
	serving  sync.WaitGroup
}

// New listens on the configured address. store may be nil: search then answers
// how to get one. Serve must be called to answer anybody.
func New(cfg Config, feed Feed, store search.Store, log logrus.FieldLogger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("PROXY_%w", err)
	}
	listener, err := net.Listen("tcp", cfg.address())
	if err != nil {
		return nil, fmt.Errorf("listen for the dashboard: %w", err)
	}
	s := &Server{cfg: cfg, feed: feed, store: store, log: log.WithField("component", "dashboard"), mux: http.NewServeMux(),
		listener: listener, public: make(map[string]bool), sockets: make(map[*websocket.Conn]struct{}), stop: make(chan struct{})}
	s.server = httpserver.New(s, limits)
	s.routes()
	return s, nil
}

func (s *Server) routes() {
	for path, find := range search.Handlers(s.store) {
		if s.store == nil {
			find = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				problem(w, http.StatusNotImplemented, "no search store", errNoStore.Error())
			})
		}
		s.Handle(path, find)
	}
	s.servePages()
	s.Handle("GET /messages", http.HandlerFunc(s.serveMessages))
	s.Handle("GET /config", http.HandlerFunc(s.serveConfig))
	s.Handle("GET /api/v2/status", http.HandlerFunc(s.serveStatus))
	s.Handle("/api/v2/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "no such route", fmt.Sprintf("there is no %s %.200q here", r.Method, r.URL.Path))
	}))
}

// Handle adds a route, in the form of http.ServeMux, that needs a token when
// tokens are set. Routes are added before Serve.
func (s *Server) Handle(pattern string, h http.Handler) {
	s.patterns = append(s.patterns, pattern)
	s.mux.Handle(pattern, h)
}

// Routes lists the patterns of all routes.
func (s *Server) Routes() []string { return s.patterns }

// HandlePublic adds a route that never needs a token. path is that of pattern.
func (s *Server) HandlePublic(pattern, path string, h http.Handler) {
	s.public[path] = true
	s.Handle(pattern, h)
}

// SetVersion says what /api/v2/status tells.
func (s *Server) SetVersion(version string) { s.version = version }

// Check adds the reasons that check gives to what the page shows as not ready.
// check may be called from several goroutines.
func (s *Server) Check(check func() []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks = append(s.checks, check)
}

// Addr is where the dashboard listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers until Shutdown.
func (s *Server) Serve() error {
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown ends Serve and all websockets and waits for them, giving open
// requests a second.
func (s *Server) Shutdown() {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		close(s.stop)
		for conn := range s.sockets { // a write that hangs must not hold us up
			_ = conn.NetConn().SetWriteDeadline(time.Now().Add(time.Second))
		}
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		s.server.Close()
	}
	s.listener.Close() // if Serve was never called
	s.serving.Wait()
}

// headers are sent with every answer: our page needs nothing from elsewhere, and
// nothing elsewhere may have us in a frame or learn our addresses. With no-referrer
// browsers would send the sign-in form with Origin: null, as a foreign page's.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "same-origin",
	"Cross-Origin-Opener-Policy": "same-origin",
}

// ServeHTTP lets in who may look and routes them. What changes something must not
// come from a foreign page: a browser there may be one that is let in here.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range headers {
		w.Header().Set(name, value)
	}
	switch {
	case !s.cfg.knowsHost(r):
		problem(w, http.StatusForbidden, "unknown host", fmt.Sprintf("this server is not called %.100q: if it is, set PROXY_ALLOWED_ORIGINS", r.Host))
	case r.Method != http.MethodGet && r.Method != http.MethodHead && !s.cfg.knowsOrigin(r):
		problem(w, http.StatusForbidden, "foreign page", "only our own pages, and programs, may change things")
	case s.public[r.URL.Path] || s.cfg.roleOf(r) >= viewer || r.Method == http.MethodPost && isPage(r.URL.Path): // the last signs in
		s.mux.ServeHTTP(w, r)
	case isPage(r.URL.Path):
		assets["login.html"].serve(w, r, http.StatusUnauthorized)
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="lagermeister"`)
		problem(w, http.StatusUnauthorized, "token needed", "send Authorization: Bearer with PROXY_TOKEN or PROXY_OPERATOR_TOKEN, or sign in at / with a browser")
	}
}

// serveConfig answers as the original: metric, sender, true.
func (s *Server) serveConfig(w http.ResponseWriter, r *http.Request) {
	known, err := json.Marshal(s.feed.Known())
	if err != nil {
		problem(w, http.StatusInternalServerError, "config", err.Error())
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" && s.cfg.knowsOrigin(r) { // the original said *
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Vary", "Origin")
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET")
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(known) // the peer may be gone
}

func (s *Server) serveStatus(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	checks := s.checks[:len(s.checks):len(s.checks)]
	s.mu.Unlock()
	reasons := []string{}
	for _, check := range checks {
		reasons = append(reasons, check()...)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"version": s.version, "not_ready": reasons})
}

// problem answers with a problem document (RFC 9457).
func problem(w http.ResponseWriter, status int, title, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": title, "status": status, "detail": detail})
}
