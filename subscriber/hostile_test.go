package subscriber

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lagermeister/sink"
	"lagermeister/sink/bulk"
	"lagermeister/sink/httpclient"
	"lagermeister/sink/httppost"
	"lagermeister/sink/sinktest"
)

// Far ends that do not keep to the protocol: nothing is lost, nothing is a dead
// letter, and where ids are recognised nothing is there twice.
func TestHostileFarEndsLoseNothing(t *testing.T) {
	t.Parallel()
	unknown := sinktest.Page(200, sinktest.Text([]sinktest.Item{{ID: "x", Status: 201}}))
	contradiction := func(a *sinktest.Attempt) { // a status that says yes, an error that says no, and errors:false
		text := sinktest.Text(a.Take(nil))
		text = strings.Replace(text, `"status":201`, `"status":201,"error":{"type":"oh","reason":"no"}`, 1)
		_, _ = a.Writer.Write([]byte(text))
	}
	silent := func(a *sinktest.Attempt) { // 503 for every item, with errors:false
		items := make([]sinktest.Item, len(a.Records))
		for i, r := range a.Records {
			items[i] = sinktest.Item{ID: r.ID, Status: 503}
		}
		_, _ = a.Writer.Write([]byte(strings.Replace(sinktest.Text(items), `"errors":true`, `"errors":false`, 1)))
	}
	drip := func(a *sinktest.Attempt) { // an answer that never ends
		a.Take(nil)
		for a.Request.Context().Err() == nil {
			if _, err := a.Writer.Write([]byte(" ")); err != nil {
				return
			}
			a.Writer.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}
	impatient := httpclient.Config{Timeout: 300 * time.Millisecond}
	for kind, c := range map[string]struct {
		open   func(*testing.T, string) sink.Sink
		faults map[string]sinktest.Fault
	}{
		"bulk": {func(t *testing.T, url string) sink.Sink {
			return bulkSink(t, bulk.Config{RemoteURL: []string{url}, Config: impatient})
		}, map[string]sinktest.Fault{
			"hang": sinktest.Hang(), "reset": sinktest.Reset(), "lost answer": sinktest.LostAnswer(), "half an answer": sinktest.HalfAnswer(),
			"drip": drip, "items missing": sinktest.WrongCount(-1), "no items": sinktest.WrongCount(-4), "items too many": sinktest.WrongCount(1),
			"invalid JSON": sinktest.InvalidJSON(), "a page": sinktest.Page(200, "<html>"), "nothing": sinktest.Page(200, ""),
			"someone else's items": unknown, "contradiction": contradiction, "silent errors": silent,
		}},
		"httppost": {func(t *testing.T, url string) sink.Sink {
			return postSink(t, httppost.Config{RemoteURL: []string{url}, Config: impatient})
		}, map[string]sinktest.Fault{
			"hang": sinktest.Hang(), "reset": sinktest.Reset(), "lost answer": sinktest.LostAnswer(), "drip": drip,
			"half an answer": sinktest.Page(200, "half", "Content-Length", "100"),
		}},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, testConfig(), c.open)
			for name, fault := range c.faults {
				t.Log(name)
				before := b.figures()
				b.far.FailTimes(2, fault)
				b.store(payloads(name, 4)...)
				b.acknowledged()
				after := b.figures()
				if after.delivered-before.delivered != 4 || after.dead != 0 || after.paused != 0 || after.again == before.again {
					t.Errorf("%s: before %+v, after %+v", name, before, after)
				}
			}
			if want := 4 * len(c.faults); b.far.Len() != want {
				t.Errorf("the far end has %d records, want %d", b.far.Len(), want)
			}
			for id, e := range b.far.Ledger() {
				if kind == "bulk" && e.Taken != 1 {
					t.Errorf("%s was taken %d times", id, e.Taken)
				}
			}
		})
	}
}

func TestAFarEndThatCannotBeReachedIsTriedForEver(t *testing.T) {
	t.Parallel()
	plain, encrypted := sinktest.New(t), sinktest.Unstarted()
	encrypted.StartTLS()
	t.Cleanup(encrypted.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	pemBytes := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encrypted.Certificate().Raw})
	if err := os.WriteFile(ca, pemBytes, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		scheme, bad string
		good        *sinktest.Server
	}{
		"nothing listens":        {"http://", "127.0.0.1:1", plain},
		"no TLS where it should": {"https://", plain.Listener.Addr().String(), encrypted},
		"reset at once":          {"http://", "", plain},
	} {
		t.Run(name, func(t *testing.T) {
			front := sinktest.NewFront(t, c.bad)
			w := newWorld(t)
			conf := bulk.Config{RemoteURL: []string{c.scheme + front.Addr()}}
			conf.CA, conf.Timeout = ca, time.Minute
			m := w.join(w.nc, testConfig(), bulkSink(t, conf))
			b := &bench{w, m, c.good}
			w.store(payloads(name, 4)...)
			w.until("several attempts", func() bool { return b.figures().again > 3 })
			front.To(c.good.Listener.Addr().String())
			b.acknowledged()
			if f := b.figures(); f.delivered != 4 || f.dead+f.paused+f.split != 0 {
				t.Errorf("counted %+v", f)
			}
		})
	}
}

// The URL is wrong, not the records: http:// where the far end speaks TLS.
func TestPlainHTTPToATLSPortPauses(t *testing.T) {
	t.Parallel()
	plain, encrypted := sinktest.New(t), sinktest.Unstarted()
	encrypted.Config.ErrorLog = log.New(io.Discard, "", 0)
	encrypted.StartTLS()
	t.Cleanup(encrypted.Close)
	front := sinktest.NewFront(t, encrypted.Listener.Addr().String())
	w := newWorld(t)
	b := &bench{w, w.join(w.nc, testConfig(), toBulk(t, "http://"+front.Addr())), plain}
	w.store(payloads("a", 4)...)
	w.until("a pause that says why", func() bool { return strings.Contains(strings.Join(b.NotReady(), ";"), sink.PlainHTTP) })
	front.To(plain.Listener.Addr().String())
	b.acknowledged()
	if f := b.figures(); f.delivered != 4 || f.dead != 0 {
		t.Errorf("counted %+v", f)
	}
}

// What the far end asks for with Retry-After holds for every post, not only for
// the batch that was answered.
func TestRetryAfterHoldsAllPosts(t *testing.T) {
	t.Parallel()
	cfg := testConfig()
	cfg.BatchSize = 1
	b := newBench(t, cfg, toBulk)
	var mu sync.Mutex
	var posts int
	var asked, next time.Time
	full := make(chan struct{}) // as many posts are on their way as may be
	b.far.Fail(func(a *sinktest.Attempt) {
		mu.Lock()
		switch posts++; {
		case posts < startPosts:
			mu.Unlock()
			<-full
			sinktest.Busy("1")(a)
			return
		case posts == startPosts:
			asked = time.Now()
			sinktest.Busy("1")(a)
			close(full)
		default:
			if next.IsZero() {
				next = time.Now()
			}
			a.Answer(a.Take(nil))
		}
		mu.Unlock()
	})
	for i := range 20 {
		b.store(fmt.Sprint("a", i))
	}
	b.acknowledged()
	if waited := next.Sub(asked); waited < time.Second {
		t.Errorf("the next post left %v after the far end had asked for 1s", waited)
	}
	if _, limit := b.gate.inFlight(); limit >= startPosts { // it grows with time
		t.Errorf("%d posts may be in flight after a 429, want %d", limit, startPosts/2)
	}
}
