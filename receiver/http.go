package receiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/heka"
	"lagermeister/stats"
)

// Limits for slow clients.
const (
	headerTimeout  = 10 * time.Second  // from the first byte of a request to the end of its header
	requestTimeout = 60 * time.Second  // to the end of its body
	idleTimeout    = 120 * time.Second // between requests
	answerTimeout  = 10 * time.Second  // for the client to take the answer
	maxHeader      = 16 << 10          // bytes
)

// HTTP receives Heka messages over HTTP: POST to any path but /health, one bare
// message or any number of frames a request.
type HTTP struct {
	*intake
	cfg       HTTPConfig
	listener  net.Listener
	server    *http.Server
	budget    budget
	unpackers unpackers
	draining  atomic.Bool
	open      atomic.Int64 // requests being handled
	plain     plainConns

	appending     context.Context // ends when Shutdown does
	stopAppending context.CancelFunc
	waits         sharedWait
}

// NewHTTP listens as cfg says; Serve answers. rep may be nil.
func NewHTTP(cfg HTTPConfig, pub Publisher, log logrus.FieldLogger, reg prometheus.Registerer, rep *stats.Reporter) (*HTTP, error) {
	log = log.WithField("component", "http receiver")
	m := newMetrics(reg, "http")
	in, err := newIntake(&cfg.IntakeConfig, pub, log, m)
	if err != nil {
		return nil, err
	}
	unpackers, err := newUnpackers()
	if err != nil {
		return nil, err
	}
	const keepAlive = 30 * time.Second
	l, err := listen(cfg.BindAddress, &cfg.IntakeConfig, keepAlive, m, log)
	if err != nil {
		return nil, err
	}
	h := &HTTP{intake: in, cfg: cfg, listener: l, budget: budget{limit: bodyBudget}, unpackers: unpackers}
	h.server = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		IdleTimeout:       idleTimeout,
		WriteTimeout:      requestTimeout + cfg.AckTimeout + answerTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          stdlog.New(serverLog{log}, "", 0),
	}
	h.appending, h.stopAppending = context.WithCancel(context.Background())
	h.waits = sharedWait{parent: h.appending, least: cfg.AckTimeout}
	m.report(rep, stats.HTTPReceiver)
	return h, nil
}

// serverLog passes on what net/http has to say: mostly of clients that break off,
// and of panics, which are ours.
type serverLog struct{ log logrus.FieldLogger }

func (s serverLog) Write(line []byte) (int, error) {
	if text := strings.TrimSpace(string(line)); strings.Contains(text, "panic") {
		s.log.Error(text)
	} else {
		s.log.Debug(text)
	}
	return len(line), nil
}

// Addr is where the receiver listens.
func (h *HTTP) Addr() net.Addr { return h.listener.Addr() }

// NotReady lists why clients should go elsewhere: because the receiver drains.
// Why the stream takes nothing is the publisher's to say.
func (h *HTTP) NotReady() []string {
	if !h.draining.Load() {
		return nil
	}
	return []string{"http receiver is draining"}
}

// Serve answers requests until Shutdown and returns nil then.
func (h *HTTP) Serve() error {
	l := h.listener
	if h.cfg.TLSCert == "" {
		odd := newOddConns(l)
		l = odd
		accepting := make(chan struct{})
		go func() {
			defer close(accepting)
			h.acceptPlain(odd)
		}()
		defer func() { <-accepting }()
	}
	if err := h.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP on %v: %w", h.Addr(), err)
	}
	return nil
}

// Shutdown stops accepting and lets the requests that are being handled finish
// for at most timeout; if some do not, their connections are cut and the error is
// an *IncompleteError. Of a request without an answer nothing was promised.
func (h *HTTP) Shutdown(timeout time.Duration) error {
	defer h.stopAppending()
	h.draining.Store(true)
	defer h.listener.Close() // the server knows it only once Serve was called
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	ended := h.plain.end()
	if h.server.Shutdown(ctx) == nil {
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
		}
	}
	left := h.open.Load()
	h.server.Close()
	h.plain.cut()
	h.stopAppending()
	<-ended
	if left == 0 { // connections that never sent a request
		return nil
	}
	return &IncompleteError{Requests: left}
}

// ServeHTTP answers one request; see the package comment for what answers mean.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.open.Add(1)
	defer h.open.Add(-1)
	if r.URL.Path == "/health" {
		h.health(w)
		return
	}
	a := h.take(r)
	h.answered(a.status)
	a.write(w)
}

// take receives one request.
func (h *HTTP) take(r *http.Request) answer {
	if r.Method != http.MethodPost {
		return failed(http.StatusMethodNotAllowed, "Invalid request action! Expected POST.").with("Allow", "POST")
	}
	if err := h.pub.Unavailable(); err != nil {
		return unavailableNow(err)
	}
	encoding, known := contentEncoding(r)
	if !known {
		return failed(http.StatusUnsupportedMediaType, "Content-Encoding %q is unknown, expected gzip or zstd", encoding).
			with("Accept-Encoding", "gzip, zstd")
	}
	if r.ContentLength == 0 && r.Header.Get("Content-Length") == "" && len(r.TransferEncoding) == 0 {
		return failed(http.StatusLengthRequired, "request has neither Content-Length nor Transfer-Encoding: chunked")
	}
	body, err := h.read(r, encoding)
	if err != nil {
		return h.unread(r, err)
	}
	defer body.release()
	return h.deliver(body.bytes(), body)
}

// contentEncoding is "" for a plain body, gzip or zstd, or what we do not know.
func contentEncoding(r *http.Request) (encoding string, known bool) {
	encoding = strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ", ")))
	switch encoding {
	case "", "identity":
		return "", true
	case "gzip", "x-gzip":
		return "gzip", true
	case "zstd":
		return "zstd", true
	}
	return encoding, false
}

// read reads and unpacks the body.
func (h *HTTP) read(r *http.Request, encoding string) (*body, error) {
	if r.ContentLength > h.cfg.MaxBody {
		return nil, errBodyTooLarge
	}
	body, err := readBody(r.Body, r.ContentLength, h.cfg.MaxBody, &h.budget)
	if err != nil || encoding == "" {
		return body, err
	}
	return h.unpackers.unpack(r.Context(), body, encoding, h.cfg.MaxBody)
}

// unread answers a request whose body did not come, or not as it should.
func (h *HTTP) unread(r *http.Request, err error) answer {
	var slow net.Error
	switch {
	case errors.Is(err, errBodyTooLarge):
		return failed(http.StatusRequestEntityTooLarge, "request body is larger than %d bytes", h.cfg.MaxBody)
	case errors.Is(err, errBodyBudget):
		return tryAgain("too many request bodies are being read: %d bytes held, limit %d", h.budget.used.Load(), h.budget.limit)
	case errors.Is(err, errPacked):
		a := failed(http.StatusBadRequest, "Invalid message sent: %v", err)
		a.reason = "encoding"
		return a
	case errors.As(err, &slow) && slow.Timeout():
		return failed(http.StatusRequestTimeout, "request body did not come within %v", requestTimeout)
	case errors.Is(err, io.ErrUnexpectedEOF) && r.ContentLength < 0:
		return failed(http.StatusBadRequest, "request body ended before its last chunk")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return failed(http.StatusBadRequest, "request body ended before its length of %d bytes", r.ContentLength)
	}
	return failed(http.StatusBadRequest, "Socket read error: %v", err)
}

// deliver judges the records of a body, has those to keep stored, and answers. It
// changes content. held, if not nil, is the memory that content lies in, and is
// released as soon as the publisher has its copy.
func (h *HTTP) deliver(content []byte, held *body) answer {
	bare := 0
	if !framed(content) {
		if limit := h.limit(); len(content) > limit {
			h.refuse(oversized)
			return h.reject(&refusal{why: oversized, err: fmt.Errorf("message of %d bytes is larger than %d", len(content), limit)})
		}
		buf := getBuffer(len(content) + barePrefix)
		defer buf.put()
		bare = len(content)
		content = heka.AppendFrame(buf.b[:0], content)
		bare = len(content) - bare
	}
	kept, records, filtered, no := h.siftAll(content)
	if no != nil {
		no.offset = max(no.offset-bare, 0)
		return h.reject(no)
	}
	if records == 0 {
		return stored(0, filtered)
	}
	// The client's leaving does not end the wait: its records are worth storing.
	ctx := h.waits.context()
	outcome := outcomes.Get().(chan error)
	err := h.store(ctx, kept, records, outcome)
	if err == nil {
		if held != nil {
			held.release()
		}
		select {
		case err = <-outcome:
			outcomes.Put(outcome)
		case <-ctx.Done(): // the outcome comes later, and nobody takes it
			err = ctx.Err()
		}
	}
	if err != nil {
		return tryAgain("unknown whether the %d records are stored: the stream did not acknowledge them within %v; send them again", records, h.cfg.AckTimeout)
	}
	return stored(records, filtered)
}

// reject answers a request of which nothing is taken.
func (h *HTTP) reject(no *refusal) answer {
	status := http.StatusBadRequest
	if no.why == oversized {
		status = http.StatusRequestEntityTooLarge
	}
	a := failed(status, "Invalid message sent: record %d, from byte %d: %v", no.record, no.start, no.err)
	a.reason, a.offset = no.why.String(), no.offset
	return a
}

// outcomes are channels with room for one error, all of them empty.
var outcomes = sync.Pool{New: func() any { return make(chan error, 1) }}

// sharedWait gives out contexts that end a certain time later, or a little more:
// requests that come at about the same time share one, because a timer and a
// context for each cost more than the rest of a request's way to the stream.
type sharedWait struct {
	parent context.Context
	least  time.Duration

	mu      sync.Mutex
	current context.Context
	cancel  context.CancelFunc // the deadline does it
	until   time.Time          // current is given out
}

// context ends with the parent, or between least and a 50th more from now.
func (s *sharedWait) context() context.Context {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || !now.Before(s.until) {
		s.until = now.Add(s.least / 50)
		s.current, s.cancel = context.WithDeadline(s.parent, s.until.Add(s.least))
	}
	return s.current
}
