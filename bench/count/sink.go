package count

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lagermeister/bench/record"
)

// Sink is an HTTP endpoint that takes everything at once: Elasticsearch's _bulk
// requests, which it answers item by item as if all were new, and bodies of any
// other kind. What it does for each request is to count.
type Sink struct {
	listener net.Listener
	server   *http.Server
	done     chan struct{}
	tally    atomic.Pointer[Tally]
	works    sync.Pool // *work
}

// work is the memory of one request.
type work struct {
	body   bytes.Buffer
	answer []byte
	marks  []record.Mark
}

// NewSink listens on a free port of loopback, until Close.
func NewSink() (*Sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{listener: l, done: make(chan struct{}), works: sync.Pool{New: func() any { return new(work) }}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	s.Expect(NewTally(0, false))
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // ends with Close
	}()
	return s, nil
}

// Addr is host:port.
func (s *Sink) Addr() string { return s.listener.Addr().String() }

// Expect makes t count from now on.
func (s *Sink) Expect(t *Tally) { s.tally.Store(t) }

// Close ends all connections.
func (s *Sink) Close() {
	s.server.Close()
	<-s.done
}

// ServeHTTP takes one request.
func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	work := s.works.Get().(*work)
	defer s.works.Put(work)
	if err := work.read(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	now := time.Now()
	work.marks = work.marks[:0]
	if strings.HasSuffix(r.URL.Path, "/_bulk") {
		work.bulk()
	} else {
		work.marks = record.Scan(work.body.Bytes(), work.marks)
		work.answer = append(work.answer[:0], `{"status":"ok"}`...)
	}
	s.tally.Load().Add(work.marks, now)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(work.answer) // who asked may be gone
}

func (w *work) read(r *http.Request) error {
	w.body.Reset()
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		in = unpacked
	} else if r.ContentLength > 0 {
		w.body.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := w.body.ReadFrom(in)
	return err
}

// bulk finds the marks of a _bulk request and writes its answer: for each pair
// of lines, an action and a document, an item with the action's name and id.
func (w *work) bulk() {
	w.answer = append(w.answer[:0], `{"took":1,"errors":false,"items":[`...)
	first := len(w.answer)
	for rest := w.body.Bytes(); len(rest) > 0; {
		var action, doc []byte
		action, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if len(action) == 0 {
			continue
		}
		doc, rest, _ = bytes.Cut(rest, []byte{'\n'})
		w.marks = record.Scan(doc, w.marks)
		if len(w.answer) > first {
			w.answer = append(w.answer, ',')
		}
		name, _, _ := bytes.Cut(action[min(2, len(action)):], []byte{'"'}) // of {"create":…
		w.answer = append(w.answer, `{"`...)
		w.answer = append(w.answer, name...)
		w.answer = append(w.answer, `":{"_index":"bench","_id":"`...)
		if _, id, ok := bytes.Cut(action, []byte(`"_id":"`)); ok {
			id, _, _ = bytes.Cut(id, []byte{'"'})
			w.answer = append(w.answer, id...)
		}
		w.answer = append(w.answer, `","_version":1,"result":"created","status":201}}`...)
	}
	w.answer = append(w.answer, "]}"...)
}
