package loadgen

import "math/rand/v2"

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

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// appendText appends a log line of exactly size bytes, printable ASCII.
func appendText(dst []byte, r *rand.Rand, size int) []byte {
	end := len(dst) + size
	dst = append(dst, pick(r, openings)...)
	for len(dst) < end {
		dst = append(dst, ' ')
		if r.IntN(6) == 0 {
			for range 4 + r.IntN(5) {
				dst = append(dst, "0123456789abcdef"[r.IntN(16)])
			}
			continue
		}
		dst = append(dst, pick(r, words)...)
	}
	return dst[:end]
}
