package subscriber

import (
	"context"
	"fmt"
	"testing"
	"time"

	"lagermeister/bench/sample"
	"lagermeister/heka/encode"
	"lagermeister/heka/matcher"
	"lagermeister/sink"
	"lagermeister/sink/bulk"
)

// Everything that happens to a record before it is posted to a search engine: walk,
// parse, match, id, index name, its lines. Run with
//
//	go test -run '^$' -bench Assemble ./subscriber
func BenchmarkAssemble(b *testing.B) {
	const records = 1000
	for _, size := range []int{300, 3000} {
		stored := sample.Frames(records, size)
		for _, format := range []string{"ecs", "heka"} {
			b.Run(fmt.Sprintf("%s/%dB", format, size), func(b *testing.B) {
				enc, err := encode.New(format, nil, nil)
				if err != nil {
					b.Fatal(err)
				}
				ix, err := encode.ParseIndex("lagermeister-%{%Y.%m.%d}")
				if err != nil {
					b.Fatal(err)
				}
				spec, err := matcher.Parse(`Type != "debug" && Fields[status] < 600`)
				if err != nil {
					b.Fatal(err)
				}
				full := &batch{}
				a := &assembler{spec: spec, enc: enc, index: ix.Namer(), out: &deliverer{liner: new(bulk.Sink)}, limits: limits{records: 2 * records, bytes: 1 << 30}}
				one := &block{seq: 1, origin: "run-1", cut: time.Unix(1_700_000_000, 0), body: stored}
				b.SetBytes(int64(len(stored)))
				b.ReportAllocs()
				for b.Loop() {
					full.open(time.Time{})
					a.batch = full
					a.records(context.Background(), one)
					if len(full.items) != records {
						b.Fatalf("%d records in the batch", len(full.items))
					}
				}
				b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
				b.ReportMetric(float64(len(stored))/records, "B/record")
			})
		}
	}
}

// Everything between the stream and the sink, with a real broker: fetch, batches,
// settlements and acks. Run with
//
//	go test -run '^$' -bench Drain -benchtime 3x ./subscriber
func BenchmarkDrain(b *testing.B) {
	const blocks, each = 100, 2000
	body := sample.Frames(each, 300)
	w := newWorld(b)
	w.ensure()
	cfg := testConfig()
	cfg.BatchSize, cfg.BatchBytes, cfg.Inflight = 1000, 5<<20, 48<<20
	for b.Loop() {
		b.StopTimer()
		for range blocks {
			w.publish(body, each)
		}
		b.StartTimer()
		s := newScripted()
		s.do(func(batch []sink.Record, results []sink.Result) error {
			for i := range results {
				results[i] = sink.Result{Outcome: sink.Delivered}
			}
			return nil
		})
		m := w.join(w.nc, cfg, s)
		w.until("all blocks acknowledged", func() bool {
			info := w.consumer()
			return info.NumPending == 0 && info.NumAckPending == 0
		})
		b.StopTimer()
		if err := m.stop(); err != nil {
			b.Fatal(err)
		}
		main, err := w.js.Stream(w.ctx, testStream)
		if err != nil {
			b.Fatal(err)
		}
		if err := main.Purge(w.ctx); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(blocks*each*b.N)/b.Elapsed().Seconds(), "records/s")
}
