package torture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"lagermeister/internal/freeport"
)

// farEnd is a sink that can be hurt: a bulk API with create semantics, where a
// document is an index and an id, or one that takes whole batches of lines. What
// it takes it gives to the oracle.
type farEnd struct {
	name     string
	oracle   *oracle
	listener net.Listener
	server   *http.Server

	mu       sync.Mutex
	fault    Fault
	closing  chan struct{}
	changed  chan struct{} // closed when the fault changes
	requests int
	template []byte
}

func newFarEnd(name string, o *oracle) (*farEnd, error) {
	l, err := net.Listen("tcp", freeport.Addr())
	if err != nil {
		return nil, err
	}
	f := &farEnd{name: name, oracle: o, listener: l, closing: make(chan struct{}), changed: make(chan struct{})}
	f.server = &http.Server{Handler: f}
	go f.server.Serve(l) //nolint:errcheck // ends with close
	return f, nil
}

func (f *farEnd) addr() string { return f.listener.Addr().String() }

func (f *farEnd) close() {
	close(f.closing)
	f.server.Close()
}

// hurt sets the fault, "" mends.
func (f *farEnd) hurt(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *farEnd) state() (fault Fault, changed chan struct{}, request int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	return f.fault, f.changed, f.requests
}

// item is a record of a request; without ids and index for a whole batch.
type item struct {
	index, id string
	doc       []byte
}

// ServeHTTP answers as the fault of the moment wants it.
func (f *farEnd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := bodyOf(r)
	if err != nil { // cut off on its way
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fault, changed, request := f.state()
	switch fault {
	case Unavailable, Fill:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case Busy:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case Unwilling:
		w.WriteHeader(http.StatusUnauthorized)
		return
	case Hang:
		select {
		case <-changed:
		case <-f.closing:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case Reset:
		hijack(w)
		return
	case Small:
		if len(body) > 20_000 && bytes.Count(body, []byte{'\n'}) > 2 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
	}
	switch {
	case strings.Contains(r.URL.Path, "/_index_template/"):
		f.serveTemplate(w, r, body)
	case r.Method != http.MethodPost:
		io.WriteString(w, `{"name":"torture","version":{"number":"8.0.0","build_flavor":"torture"}}`)
	case f.name == bulkSink:
		f.serveBulk(w, body, fault, request)
	default:
		f.serveBatch(w, body, fault)
	}
}

func (f *farEnd) serveBatch(w http.ResponseWriter, body []byte, fault Fault) {
	for line := range bytes.Lines(body) {
		f.oracle.takeBatch(bytes.TrimSpace(line))
	}
	if fault == LostAnswer {
		hijack(w)
	}
}

func (f *farEnd) serveBulk(w http.ResponseWriter, body []byte, fault Fault, request int) {
	items, err := bulkItems(body)
	if err != nil {
		f.oracle.complain("requests are what a strict engine takes", "%v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := []byte(`{"took":1,"errors":true,"items":[`)
	for i, it := range items {
		if i > 0 {
			answer = append(answer, ',')
		}
		status, reason := f.takeItem(it, fault, i+request)
		answer = fmt.Appendf(answer, `{"create":{"_index":%q,"_id":%q,"status":%d`, it.index, it.id, status)
		if reason != "" {
			answer = fmt.Appendf(answer, `,"error":{"type":%q,"reason":"as the schedule wants it"}`, reason)
		}
		answer = append(answer, "}}"...)
	}
	if fault == WrongCount {
		answer = append(answer, `,{"create":{"_index":"i","_id":"surplus","status":201}}`...)
	}
	if fault == BadJSON {
		answer = append(answer, ",{"...)
	}
	answer = append(answer, "]}"...)
	w.Header().Set("Content-Type", "application/json")
	switch fault {
	case LostAnswer:
		hijack(w)
	case HalfAnswer:
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		_, _ = w.Write(answer[:len(answer)/2]) // the client may be gone
		panic(http.ErrAbortHandler)
	default:
		_, _ = w.Write(answer)
	}
}

// takeItem stores one document, or not.
func (f *farEnd) takeItem(it item, fault Fault, turn int) (status int, reason string) {
	if fault == SomeItems && turn%3 == 0 {
		return http.StatusTooManyRequests, "es_rejected_execution_exception"
	}
	if fault == SomeItems && turn%7 == 0 {
		return http.StatusServiceUnavailable, "unavailable_shards_exception"
	}
	if f.oracle.isPoison(it.doc) {
		return http.StatusBadRequest, "illegal_argument_exception"
	}
	if !f.oracle.takeBulk(it.index, it.id, it.doc) {
		return http.StatusConflict, "version_conflict_engine_exception"
	}
	return http.StatusCreated, ""
}

func (f *farEnd) serveTemplate(w http.ResponseWriter, r *http.Request, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.Method == http.MethodPut:
		f.template = body
		io.WriteString(w, `{"acknowledged":true}`)
	case f.template == nil:
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":{"type":"resource_not_found_exception","reason":"no such template"},"status":404}`)
	default:
		fmt.Fprintf(w, `{"index_templates":[{"name":"lagermeister","index_template":%s}]}`, f.template)
	}
}

// bulkItems reads a bulk request as a strict engine does.
func bulkItems(body []byte) (items []item, err error) {
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, len(body)+1)
	for lines.Scan() {
		var action struct {
			Create struct {
				ID    string `json:"_id"`
				Index string `json:"_index"`
			} `json:"create"`
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil || action.Create.ID == "" || action.Create.Index == "" {
			return nil, fmt.Errorf("line %.200q is no create action with _index and _id", lines.Text())
		}
		if !lines.Scan() {
			return nil, fmt.Errorf("no document after the action for %s", action.Create.ID)
		}
		items = append(items, item{action.Create.Index, action.Create.ID, bytes.Clone(lines.Bytes())})
	}
	if len(body) == 0 || body[len(body)-1] != '\n' {
		return nil, fmt.Errorf("bulk request of %d bytes does not end with a newline", len(body))
	}
	return items, lines.Err()
}

func bodyOf(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	zr, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zr)
}

// hijack resets the connection instead of answering.
func hijack(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	reset(conn)
}
