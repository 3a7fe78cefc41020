package elastic

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"lagermeister/deadletter"
	"lagermeister/heka"
	"lagermeister/internal/pipeline"
	"lagermeister/sink/sinktest"
)

func TestAFieldThatIsANumberAndThenTextIsDelivered(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		r := e.start(t, oneIndex(e))
		number := func(n int64) func(*heka.Draft) {
			return func(d *heka.Draft) {
				d.Fields = []heka.DraftField{{Name: "status", Type: heka.IntegerType, Integers: []int64{n}}}
			}
		}
		text := func(d *heka.Draft) {
			d.Fields = []heka.DraftField{{Name: "status", Type: heka.StringType, Strings: []string{"none yet"}}}
		}
		r.post(t, message(1, number(200)))
		r.awaits(t, 1, 0, 0)
		r.post(t, message(2, text), message(3, number(404)), message(4, text))
		r.awaits(t, 4, 2, 0)
		if n := e.count(t, everything); n != 4 {
			t.Errorf("%d documents, want 4", n)
		}
		if n := e.count(t, `{"term":{"lm.repaired":true}}`); n != 2 {
			t.Errorf("%d repaired documents, want 2", n)
		}
		// What was not moved is as certain as ever; what was moved is shown, and said to be doubtful.
		if a := r.search(t, `Payload == "number 2"`); len(a.Records) != 1 || !a.Exact || a.Records[0].Doc["unmapped.heka.status"] != "none yet" {
			t.Errorf("by payload: %+v", a)
		}
		if a := r.search(t, `Fields[status] == "none yet"`); len(a.Records) != 2 || a.Exact || a.Records[0].Exact {
			t.Errorf("by the text: %+v", a)
		}
		if a := r.search(t, `Fields[status] == 404 && Payload == "number 3"`); len(a.Records) != 1 || !a.Exact {
			t.Errorf("by the number: %+v", a)
		}
		if a := r.search(t, `Fields[other] == 1`); len(a.Records) != 0 || !a.Exact {
			t.Errorf("by a field that nobody has: %+v", a)
		}
	})
}

// Without repair the same record is a dead letter, and delivered when it is
// replayed into an index that takes it.
func TestARecordTheIndexRefusesIsReplayedIntoTheNextOne(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		r := e.start(t, oneIndex(e), func(s *pipeline.Settings) { s.Bulk.Repair = false })
		field := func(kind heka.ValueType) func(*heka.Draft) {
			return func(d *heka.Draft) {
				d.Fields = []heka.DraftField{{Name: "status", Type: kind, Integers: []int64{1}, Strings: []string{"text"}}}
			}
		}
		r.post(t, message(1, field(heka.IntegerType)))
		r.awaits(t, 1, 0, 0)
		r.post(t, message(2, field(heka.StringType)))
		r.awaits(t, 1, 0, 1)
		e.call(t, "DELETE", "/"+e.index, "", nil) // as if the next day had begun
		r.replay(t, 1)
		r.awaits(t, 2, 0, 0)
		if n := e.count(t, `{"term":{"heka.status":"text"}}`); n != 1 {
			t.Errorf("the record is found %d times by its field", n)
		}
	})
}

// replay asks for all dead letters, of which there must be n.
func (r *run) replay(t *testing.T, n uint64) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	counts, err := r.deadLetters(t).Replay(t.Context(), deadletter.Change{Who: "test", Log: log})
	if err != nil || counts.Done != n {
		t.Fatalf("replay: %+v, %v, want %d done", counts, err, n)
	}
}

// Before the engine stands a gateway that takes requests up to a size.
func TestADocumentOverALimitIsReplayedOnceTheLimitIsRaised(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		target, err := url.Parse(e.url)
		if err != nil {
			t.Fatal(err)
		}
		var limit atomic.Int64
		limit.Store(30_000)
		proxy := httputil.NewSingleHostReverseProxy(target)
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > limit.Load() {
				_, _ = io.Copy(io.Discard, r.Body)
				http.Error(w, "client intended to send too large body", http.StatusRequestEntityTooLarge)
				return
			}
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(gateway.Close)
		r := e.start(t, oneIndex(e), through(gateway.URL))
		var frames [][]byte
		for n := range 100 {
			frames = append(frames, message(n, func(d *heka.Draft) {
				if n == 42 {
					d.Payload += strings.Repeat(" long", 10_000)
				}
			}))
		}
		r.post(t, frames...)
		r.awaits(t, 99, 0, 1)
		list, _, err := r.deadLetters(t).List(t.Context(), deadletter.Filter{}, 0, 10)
		if err != nil || len(list) != 1 || list[0].Status != http.StatusRequestEntityTooLarge || !strings.Contains(list[0].Reason, "too large body") {
			t.Errorf("dead letters: %+v, %v", list, err)
		}
		limit.Store(1 << 20)
		r.replay(t, 1)
		r.awaits(t, 100, 0, 0)
		if n := e.count(t, everything); n != 100 {
			t.Errorf("%d documents, want 100", n)
		}
	})
}

// As a full disk or an operator does it. A paused sink is asked every 30 s.
func TestAReadOnlyIndexHoldsDeliveryUntilItIsWritable(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		r := e.start(t, oneIndex(e))
		r.post(t, message(0, nil))
		r.awaits(t, 1, 0, 0)
		e.call(t, "PUT", "/"+e.index+"/_settings", `{"index.blocks.read_only_allow_delete":true}`, nil)
		for n := 1; n < 100; n++ {
			r.post(t, message(n, nil))
		}
		eventually(t, time.Minute, "/ready says why delivery is paused", func() bool {
			status, text := get(t, r.Admin.String(), "/ready")
			return status == http.StatusServiceUnavailable && strings.Contains(text, "sink paused: POST "+e.url+"/_bulk") &&
				strings.Contains(text, "cluster_block_exception") && strings.Contains(text, e.index)
		})
		if _, text := get(t, r.Admin.String(), "/metrics"); !strings.Contains(text, `lagermeister_subscriber_paused{group="es_subscriber",part="es_subscriber",reason="sink"} 1`) {
			t.Error("the pause is not in the metrics")
		}
		if *long {
			time.Sleep(outage())
		}
		e.call(t, "PUT", "/"+e.index+"/_settings", `{"index.blocks.read_only_allow_delete":null}`, nil)
		r.awaits(t, 100, 0, 0)
		if n := e.count(t, everything); n != 100 {
			t.Errorf("%d documents, want 100", n)
		}
		if status, text := get(t, r.Admin.String(), "/ready"); status != http.StatusOK {
			t.Errorf("not ready afterwards: %s", text)
		}
	})
}

// downFor sends records while the engine is down, as it was before and after,
// and checks that all are there once.
func (r *run) downFor(t *testing.T, d time.Duration, down, up func()) {
	t.Helper()
	sent := 0
	send := func(n int) {
		var frames [][]byte
		for range n {
			frames = append(frames, message(sent, nil))
			sent++
		}
		r.post(t, frames...)
	}
	send(1000)
	down()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		send(100)
	}
	eventually(t, time.Minute, "/ready says that the engine is tried again", func() bool {
		status, text := get(t, r.Admin.String(), "/ready")
		return status == http.StatusOK && strings.Contains(text, "wait to be sent again")
	})
	up()
	send(1000)
	r.awaits(t, uint64(sent), 0, 0)
	if n := r.e.count(t, everything); n != sent {
		t.Errorf("the engine holds %d documents, %d records were sent", n, sent)
	}
}

func TestNothingIsLostWhileTheEngineCannotBeReached(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		address := strings.TrimPrefix(e.url, "http://")
		front := sinktest.NewFront(t, address)
		r := e.start(t, oneIndex(e), through(front.Addr()))
		r.downFor(t, 10*time.Second, func() { front.To("") }, func() { front.To(address) })
	})
}

// The engine's processes are stopped by a signal and go on later: what they were
// sent meanwhile they may take or not.
func TestNothingIsLostWhileTheEngineStandsStill(t *testing.T) {
	eachAlone(t, func(t *testing.T, e *engine) {
		group, err := strconv.Atoi(os.Getenv(strings.TrimSuffix(e.name, "_URL") + "_PID"))
		if err != nil {
			t.Skip("the engine's process is not known, so it cannot be stopped; .ci/elastic starts engines and names it in " + strings.TrimSuffix(e.name, "_URL") + "_PID")
		}
		r := e.start(t, oneIndex(e), func(s *pipeline.Settings) { s.Bulk.Timeout = 2 * time.Second })
		signal := func(s syscall.Signal) {
			if err := syscall.Kill(-group, s); err != nil {
				t.Fatal(err)
			}
		}
		t.Cleanup(func() { _ = syscall.Kill(-group, syscall.SIGCONT) })
		r.downFor(t, outage(), func() { signal(syscall.SIGSTOP) }, func() { signal(syscall.SIGCONT) })
	})
}
