// Package sample has the records that benchmarks work on, always the same: like
// those of log_generator, but not made by it, so that results from before a change
// of it can still be compared.
package sample

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"lagermeister/heka"
)

// Bodies are n different records of size bytes each, 200 at least; one or two bytes
// less where the length of the payload's length has changed.
func Bodies(n, size int) [][]byte {
	bodies := make([][]byte, n)
	for i := range bodies {
		bodies[i] = body(rand.New(rand.NewPCG(7, uint64(i))), i, size)
	}
	return bodies
}

var (
	types    = []string{"access", "app", "audit", "metrics", "system"}
	loggers  = []string{"nginx", "checkout", "auth", "scheduler"}
	statuses = []int64{200, 200, 200, 200, 204, 301, 304, 400, 404, 429, 500, 503}
	words    = strings.Fields("GET POST /api/v1/orders order customer invoice upstream timeout retry queue worker latency shard session token expired granted denied bytes received after while user Mozilla Chrome curl eu-west healthy degraded")
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func body(r *rand.Rand, i, size int) []byte {
	d := heka.Draft{
		UUID:      fmt.Appendf(nil, "%08x%08x", r.Uint32(), i),
		Timestamp: 1_763_600_000_000_000_000 + int64(i)*int64(time.Millisecond),
		Type:      pick(r, types), Logger: pick(r, loggers), Severity: int32(r.IntN(8)), Pid: int32(1000 + r.IntN(31000)),
		EnvVersion: "1", Hostname: fmt.Sprintf("web-%d", 10+r.IntN(90)),
		Fields: []heka.DraftField{
			{Name: "status", Type: heka.IntegerType, Integers: []int64{pick(r, statuses)}},
			{Name: "duration", Type: heka.DoubleType, Representation: "ms", Doubles: []float64{float64(r.IntN(100_000)) / 1000}},
		},
	}
	var text strings.Builder
	for text.Len() < size {
		fmt.Fprintf(&text, "%s %s %04x ", pick(r, words), pick(r, words), r.IntN(1<<16))
	}
	d.Payload = text.String()
	over := len(d.Append(nil)) - size
	d.Payload = d.Payload[:len(d.Payload)-over]
	return d.Append(nil)
}

// Messages are the same, parsed.
func Messages(n, size int) []heka.Message {
	messages := make([]heka.Message, n)
	for i, body := range Bodies(n, size) {
		if err := messages[i].Parse(body); err != nil {
			panic(err) // they are valid
		}
	}
	return messages
}

// Frames are the same, as a stream of frames.
func Frames(n, size int) []byte {
	var frames []byte
	for _, body := range Bodies(n, size) {
		frames = heka.AppendFrame(frames, body)
	}
	return frames
}
