package loadgen

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"

	"lagermeister/heka"
)

var (
	types    = []string{"access", "app", "audit", "metrics", "system"}
	loggers  = []string{"nginx", "checkout", "auth", "scheduler", "kernel", "postgres"}
	statuses = []int64{200, 200, 200, 200, 200, 201, 204, 301, 304, 400, 401, 403, 404, 429, 500, 502, 503}
	openings = []string{
		"GET /api/v1/orders", "POST /api/v1/orders", "GET /static/app.js", "PUT /api/v1/carts",
		"connection accepted from", "connection closed by", "query took longer than expected:",
		"session opened for user", "session closed for user", "cache miss for key", "retrying request to",
		"payment authorised for order", "payment declined for order", "worker started:", "worker stopped:",
		"slow response from upstream", "certificate expires soon for", "job finished:", "job failed:",
	}
	words = []string{
		"order", "customer", "invoice", "upstream", "timeout", "retry", "queue", "worker", "latency", "shard",
		"replica", "index", "commit", "rollback", "session", "token", "expired", "refreshed", "granted", "denied",
		"bytes", "received", "sent", "from", "to", "after", "before", "while", "user", "agent",
		"Mozilla", "Chrome", "Safari", "curl", "eu-west", "us-east", "primary", "standby", "healthy", "degraded",
	}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// shape is the wire form of all that many records can share: what stands between
// timestamp and payload, and what stands behind the payload.
type shape struct{ before, after []byte }

func newShape(r *rand.Rand) shape {
	draft := heka.Draft{
		Type:       pick(r, types),
		Logger:     pick(r, loggers),
		Severity:   int32(r.IntN(8)),
		Payload:    "\x00", // found by what no text holds
		EnvVersion: "1",
		Pid:        int32(1000 + r.IntN(31000)),
		Hostname:   "web-" + strconv.Itoa(10+r.IntN(90)),
		Fields: []heka.DraftField{
			{Name: "status", Type: heka.IntegerType, Integers: []int64{pick(r, statuses)}},
			{Name: "duration", Type: heka.DoubleType, Representation: "ms", Doubles: []float64{math.Round(r.ExpFloat64()*50000) / 1000}},
		},
	}
	before, after, _ := bytes.Cut(draft.Append(nil), []byte{tagPayload, 1, 0})
	return shape{before: bytes.TrimPrefix(before, []byte{tagTimestamp, 0}), after: after}
}

// appendLine appends a log line of some 70 bytes, printable ASCII.
func appendLine(dst []byte, r *rand.Rand) []byte {
	dst = append(dst, pick(r, openings)...)
	for range 4 + r.IntN(7) {
		dst = append(dst, ' ')
		if r.IntN(6) == 0 {
			dst = strconv.AppendUint(dst, r.Uint64()>>(32+r.IntN(16)), 16)
			continue
		}
		dst = append(dst, pick(r, words)...)
	}
	return dst
}
