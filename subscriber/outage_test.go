package subscriber

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"lagermeister/sink"
	"lagermeister/stream/streamtest"
)

func TestMain(m *testing.M) { streamtest.Main(m) }

// However much is stored while a sink is away, a member holds what it may and no
// more; when the sink is back everything arrives once.
func TestMemoryStaysBoundedThroughAnOutage(t *testing.T) {
	const (
		blocks, records = 160, 100
		size            = 8 << 10 // bytes of a payload: 125 MiB in all
		inflight        = 4 << 20
		batchBytes      = 256 << 10
		fetch           = 2 << 20 // what may be on its way from the stream when the bound is reached
	)
	server := streamtest.NewProcess(t) // what it caches is none of ours
	nc, err := nats.Connect(server.URL, nats.Timeout(streamtest.Timeout))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	w := &world{TB: t, nc: nc, js: streamtest.JetStream(t, nc), ctx: t.Context()}
	s := newScripted()
	s.do(func([]sink.Record, []sink.Result) error { return &sink.Error{Class: sink.Again, Status: 503} })
	cfg := testConfig()
	cfg.Inflight, cfg.BatchBytes = inflight, batchBytes
	m := w.join(w.nc, cfg, s)

	heap := func() int {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int(stats.HeapAlloc)
	}
	before, most := heap(), 0
	filler := strings.Repeat("x", size)
	check := func(when string) {
		t.Helper()
		if _, held := m.held.size(); held > maxHeld+fetch {
			t.Fatalf("%s: %d bytes of blocks are held, want at most %d", when, held, maxHeld)
		}
		if bytes := m.gate.admitted(); bytes > inflight {
			t.Fatalf("%s: %d bytes of batches are on their way, want at most %d", when, bytes, inflight)
		}
	}
	for i := range blocks {
		list := payloads(fmt.Sprint(i), records)
		for n := range list {
			list[n] += filler
		}
		w.store(list...)
		if i%10 == 0 {
			check("while the stream fills")
			most = max(most, heap()-before)
		}
	}
	offered := s.offered()
	w.until("many attempts", func() bool { check("while the sink is away"); return s.offered() > offered+200 })
	most = max(most, heap()-before)
	if info := w.consumer(); info.NumPending < blocks/2 {
		t.Fatalf("%d of %d blocks are still in the stream: too few for this test", info.NumPending, blocks)
	}
	t.Logf("%d MiB were stored, the heap grew by %d MiB", blocks*records*size>>20, most>>20)
	if most > maxHeld+4*inflight {
		t.Errorf("the heap grew by %d MiB", most>>20)
	}

	s.do(func(batch []sink.Record, results []sink.Result) error {
		for i := range batch { // the documents themselves need not be kept
			batch[i].Doc = nil
		}
		return s.take(batch, results)
	})
	w.settled(blocks)
	if s.len() != blocks*records {
		t.Errorf("the sink has %d records, want %d", s.len(), blocks*records)
	}
	for id, n := range s.times {
		if n != 1 {
			t.Fatalf("%s was delivered %d times", id, n)
		}
	}
}
