package elastic

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/deadletter"
	"lagermeister/heka"
	"lagermeister/internal/pipeline"
	"lagermeister/ledger"
)

var long = flag.Bool("long", false, "let outages last as long as an operator's do")

// outage is how long an engine is away.
func outage() time.Duration {
	if *long {
		return time.Minute
	}
	return 10 * time.Second
}

// run is a relay that delivers to an engine.
type run struct {
	pipeline.Addrs
	e *engine
}

// start runs the whole suite on e until the end of the test.
func (e *engine) start(t *testing.T, changes ...func(*pipeline.Settings)) *run {
	t.Helper()
	addrs, stop := e.relay(t, changes...)
	t.Cleanup(stop)
	return &run{addrs, e}
}

// message is record n, with whatever more.
func message(n int, more func(*heka.Draft)) []byte {
	d := heka.Draft{
		UUID: fmt.Appendf(nil, "%016d", n), Timestamp: time.Now().UnixNano(), Type: "e2e",
		Hostname: "host.example.com", Payload: fmt.Sprint("number ", n),
	}
	if more != nil {
		more(&d)
	}
	return heka.AppendFrame(nil, d.Append(nil))
}

// post sends frames in one request; they are stored when it returns.
func (r *run) post(t *testing.T, frames ...[]byte) {
	t.Helper()
	resp, err := http.Post("http://"+r.HTTP.String()+"/", "application/octet-stream", bytes.NewReader(bytes.Join(frames, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", resp.Status, text)
	}
}

// get asks an HTTP port of the relay.
func get(t *testing.T, address, path string) (status int, text string) {
	t.Helper()
	resp, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

// awaits waits until the ledger's sums are these and nothing is left.
func (r *run) awaits(t *testing.T, delivered, repaired, dead uint64) {
	t.Helper()
	var b ledger.Balance
	deadline := time.Now().Add(3 * time.Minute)
	for time.Now().Before(deadline) {
		var books ledger.Books
		if status, text := get(t, r.Dashboard.String(), "/api/v2/ledger"); status == http.StatusOK {
			if err := json.Unmarshal([]byte(text), &books); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range books.Streams {
			for _, g := range s.Groups {
				if b = g; g.Delivered == delivered && g.Repaired == repaired && g.Dead == dead && g.Pending == 0 && g.Difference == 0 {
					return
				}
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the ledger says %+v, want %d delivered of which %d repaired, %d dead letters", b, delivered, repaired, dead)
}

// answer is what is read of an answer of the search API.
type answer struct {
	Exact   bool `json:"exact"`
	Records []struct {
		Doc   map[string]any `json:"doc"`
		Exact bool           `json:"exact"`
	} `json:"records"`
}

func (r *run) search(t *testing.T, spec string) (a answer) {
	t.Helper()
	status, text := get(t, r.Dashboard.String(), "/api/v2/search?limit=100&q="+url.QueryEscape(spec))
	if status != http.StatusOK {
		t.Fatalf("%d: %s", status, text)
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// deadLetters opens those of the relay's stream.
func (r *run) deadLetters(t *testing.T) *deadletter.Box {
	t.Helper()
	nc, err := nats.Connect(r.NATS, nats.Timeout(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	box, err := deadletter.Open(t.Context(), js, "lagermeister-test")
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// oneIndex has all records go to e's index.
func oneIndex(e *engine) func(*pipeline.Settings) {
	return func(s *pipeline.Settings) { s.Bulk.Index = e.index }
}

// through has the relay reach the engine by another address.
func through(address string) func(*pipeline.Settings) {
	return func(s *pipeline.Settings) {
		s.Bulk.RemoteURL = []string{"http://" + strings.TrimPrefix(address, "http://")}
	}
}
