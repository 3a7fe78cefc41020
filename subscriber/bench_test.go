package subscriber

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/hekapb"
	"lagermeister/heka/matcher"
	"lagermeister/sink"
)

// record is a frame of about 300 bytes with four fields.
func record(b testing.TB, i int) []byte {
	b.Helper()
	field := func(name string, t hekapb.Field_ValueType, set func(*hekapb.Field)) *hekapb.Field {
		f := &hekapb.Field{Name: &name, ValueType: &t}
		set(f)
		return f
	}
	body, err := proto.Marshal(&hekapb.Message{
		Uuid:      fixedUUID(fmt.Sprint("record ", i)),
		Timestamp: proto.Int64(1_700_000_000_000_000_000 + int64(i)*1e6),
		Type:      proto.String("nginx.access"),
		Logger:    proto.String("front"),
		Severity:  proto.Int32(6),
		Pid:       proto.Int32(1234),
		Hostname:  proto.String("web-17.example.com"),
		Payload:   proto.String(fmt.Sprintf("GET /articles/%d HTTP/1.1 %s", i, strings.Repeat("x", 60))),
		Fields: []*hekapb.Field{
			field("status", hekapb.Field_INTEGER, func(f *hekapb.Field) { f.ValueInteger = []int64{200} }),
			field("request_time", hekapb.Field_DOUBLE, func(f *hekapb.Field) { f.ValueDouble = []float64{0.0123} }),
			field("remote_addr", hekapb.Field_STRING, func(f *hekapb.Field) { f.ValueString = []string{"192.0.2.17"} }),
			field("user_agent", hekapb.Field_STRING, func(f *hekapb.Field) { f.ValueString = []string{"curl/8.5.0"} }),
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return heka.AppendFrame(nil, body)
}

// Everything that happens to a record before it is posted: walk, parse, match,
// id, index name, document. Run with
//
//	go test -run '^$' -bench Assemble ./subscriber
func BenchmarkAssemble(b *testing.B) {
	const records = 1000
	var stored []byte
	for i := range records {
		stored = append(stored, record(b, i)...)
	}
	for _, format := range []string{"ecs", "heka"} {
		b.Run(format, func(b *testing.B) {
			enc, err := encode.New(format, nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			ix, err := encode.ParseIndex("lagermeister-%{%Y.%m.%d}")
			if err != nil {
				b.Fatal(err)
			}
			spec, err := matcher.Parse(`Type == "nginx.access" && Fields[status] < 500`)
			if err != nil {
				b.Fatal(err)
			}
			full := &batch{}
			a := &assembler{spec: spec, enc: enc, index: ix.Namer(), limits: limits{records: 2 * records, bytes: 1 << 30}}
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

// Everything between the stream and the sink, with a real broker: fetch, batches,
// settlements and acks. Run with
//
//	go test -run '^$' -bench Drain -benchtime 3x ./subscriber
func BenchmarkDrain(b *testing.B) {
	const blocks, each = 100, 2000
	var body []byte
	for i := range each {
		body = append(body, record(b, i)...)
	}
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
