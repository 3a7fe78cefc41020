package publisher

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stream/streamtest"
)

// BenchmarkAppend is one caller with runs as a TCP connection brings them.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ size, run int }{{300, 1}, {300, 200}, {3000, 20}} {
		b.Run(fmt.Sprintf("%dB/run=%d", c.size, c.run), func(b *testing.B) {
			p := endless(b)
			records := frames(0, c.run, c.size)
			b.ReportAllocs()
			b.SetBytes(int64(len(records)))
			for b.Loop() {
				if err := p.Append(b.Context(), records, c.run, nil); err != nil {
					b.Fatal(err)
				}
			}
			p.Close(streamtest.Context(b))
			b.ReportMetric(float64(b.N*c.run)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(len(records))/float64(c.run), "B/record")
		})
	}
}

// BenchmarkAppendParallel is many callers of one record each, as HTTP requests are.
func BenchmarkAppendParallel(b *testing.B) {
	p := endless(b)
	b.ReportAllocs()
	b.SetParallelism(25)
	b.RunParallel(func(pb *testing.PB) {
		record := frames(0, 1, 300)
		for pb.Next() {
			if err := p.Append(b.Context(), record, 1, nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
	p.Close(streamtest.Context(b))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// endless is a publisher to a stream that is never full.
func endless(b *testing.B) *Publisher {
	nc, js := streamtest.New(b)
	_, err := js.CreateStream(streamtest.Context(b), jetstream.StreamConfig{Name: "logs", Subjects: []string{"logs"}, MaxBytes: 256 << 20, Discard: jetstream.DiscardOld})
	if err != nil {
		b.Fatal(err)
	}
	return open(b, nc)
}
