// Package sinktest is a far end for tests: an HTTP server that takes bulk
// requests and whole batches as the real ones do, keeps a ledger of what it has
// taken, and fails on request.
//
//	far := sinktest.New(t)
//	far.Fail(sinktest.Status(503))   // until far.Heal()
//	... far.URL ...
//	far.Heal()
//	far.Await(t, 1000)               // records
//
// POST …/_bulk is a bulk request with create semantics: an id that is there
// answers 409. GET / answers as an engine does, _index_template is taken, and any
// other POST is a whole batch of lines.
package sinktest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Record is what came for one record. A whole batch has no ids: there ID is
// the document itself.
type Record struct {
	ID, Index string
	Doc       string
	Frame     []byte // lm_frame
}

// Entry is a line of the ledger.
type Entry struct {
	Record
	Taken   int // how often it was stored; more than 1 only without ids
	Repeats int // how often it came again and was answered 409
}

// Server is the far end. Its methods may be called at any time.
type Server struct {
	*httptest.Server
	Template []byte // body of the last index template put; read it after Close

	closing  chan struct{}
	mu       sync.Mutex
	fault    Fault
	times    int       // 0: until healed
	until    time.Time // zero: until healed
	entries  map[string]*Entry
	batches  map[string]int
	requests []*http.Request
}

// New starts a server that is closed with the test.
func New(t testing.TB) *Server {
	s := Unstarted()
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// Unstarted returns a server to be started with Start or StartTLS, and closed,
// by the caller.
func Unstarted() *Server {
	s := &Server{closing: make(chan struct{}), entries: map[string]*Entry{}, batches: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(s)
	return s
}

// Close ends hanging answers and stops the server.
func (s *Server) Close() {
	close(s.closing)
	s.CloseClientConnections()
	s.Server.Close()
}

// Fail answers posts by fault until Heal.
func (s *Server) Fail(fault Fault) { s.install(fault, 0, time.Time{}) }

// FailTimes answers the next n posts by fault.
func (s *Server) FailTimes(n int, fault Fault) { s.install(fault, n, time.Time{}) }

// FailFor answers posts by fault for the time d.
func (s *Server) FailFor(d time.Duration, fault Fault) { s.install(fault, 0, time.Now().Add(d)) }

// Heal ends failing.
func (s *Server) Heal() { s.install(nil, 0, time.Time{}) }

func (s *Server) install(fault Fault, times int, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.times, s.until = fault, times, until
}

func (s *Server) nextFault() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault := s.fault
	if s.times > 0 {
		if s.times--; s.times == 0 {
			s.fault = nil
		}
	}
	if !s.until.IsZero() && time.Now().After(s.until) {
		s.fault, fault = nil, nil
	}
	return fault
}

// Len returns how many different records were taken.
func (s *Server) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

// Entry returns the ledger's line of an id (of a document for whole batches).
func (s *Server) Entry(id string) (Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[id]; e != nil {
		return *e, true
	}
	return Entry{}, false
}

// Ledger returns a copy of all lines, by id.
func (s *Server) Ledger() map[string]Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]Entry, len(s.entries))
	for id, e := range s.entries {
		all[id] = *e
	}
	return all
}

// Batches returns how often each Lm-Batch was taken.
func (s *Server) Batches() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]int, len(s.batches))
	for id, n := range s.batches {
		all[id] = n
	}
	return all
}

// Requests returns every request that came, without its body.
func (s *Server) Requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.requests...)
}

// Await waits until n different records were taken, two minutes at most.
func (s *Server) Await(t testing.TB, n int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); s.Len() < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the sink has %d records, expected %d", s.Len(), n)
		}
	}
}

// ServeHTTP answers as the package comment says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := read(r)
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a := &Attempt{Request: r, Writer: w, server: s, Bulk: strings.HasSuffix(r.URL.Path, "/_bulk")}
	a.Size = len(body)
	switch {
	case strings.Contains(r.URL.Path, "/_index_template/"):
		s.serveTemplate(w, r, body)
	case r.Method != http.MethodPost:
		io.WriteString(w, `{"name":"sinktest","version":{"number":"8.0.0","build_flavor":"sinktest"}}`)
	default:
		if a.Records, err = records(body, a.Bulk); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if fault := s.nextFault(); fault != nil {
			fault(a)
			return
		}
		a.Answer(a.Take(nil))
	}
}

func read(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	zr, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zr)
}

func (s *Server) serveTemplate(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Method == http.MethodPut:
		s.Template = body
		io.WriteString(w, `{"acknowledged":true}`)
	case s.Template == nil:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":{"type":"resource_not_found_exception","reason":"index template matching [lagermeister] not found"},"status":404}`)
	default:
		fmt.Fprintf(w, `{"index_templates":[{"name":"lagermeister","index_template":%s}]}`, s.Template)
	}
}

// records reads the lines of a request, and insists on their being what a
// strict engine takes.
func records(body []byte, bulk bool) (list []Record, err error) {
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, len(body)+1)
	for lines.Scan() {
		var rec Record
		if bulk {
			var action struct {
				Create struct {
					ID    string `json:"_id"`
					Index string `json:"_index"`
					Frame []byte `json:"lm_frame"`
				} `json:"create"`
			}
			if err := json.Unmarshal(lines.Bytes(), &action); err != nil || action.Create.ID == "" || action.Create.Index == "" {
				return nil, fmt.Errorf("line %q is no create action with _index and _id", lines.Text())
			}
			rec = Record{ID: action.Create.ID, Index: action.Create.Index, Frame: action.Create.Frame}
			if !lines.Scan() {
				return nil, fmt.Errorf("no document after the action for %s", rec.ID)
			}
		}
		rec.Doc = lines.Text()
		if !json.Valid(lines.Bytes()) || rec.Doc == "" || rec.Doc[0] != '{' {
			return nil, fmt.Errorf("line %q is no JSON object", rec.Doc)
		}
		if !bulk {
			rec.ID = rec.Doc
		}
		list = append(list, rec)
	}
	if bulk && (len(body) == 0 || body[len(body)-1] != '\n') {
		return nil, fmt.Errorf("bulk request does not end with a newline")
	}
	return list, lines.Err()
}
