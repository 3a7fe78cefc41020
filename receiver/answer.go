package receiver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"lagermeister/heka"
)

// answer is what a client is told. Errors have a JSON body in the words of the
// first Lagermeister, {"status": "error", "message": "…"}, with a "reason" from a
// fixed set and the "offset" of the wrong byte where there is one.
type answer struct {
	status   int
	stored   int
	filtered int
	message  string // empty for 200
	reason   string
	offset   int    // in the body after unpacking; -1 when no byte is to blame
	header   string // one more, with its value
	value    string
}

// retryAfter is how many seconds a client should wait after a 503.
const retryAfter = "2"

// stored is the answer that makes the records ours.
func stored(records, filtered int) answer {
	return answer{status: http.StatusOK, stored: records, filtered: filtered}
}

func failed(status int, format string, args ...any) answer {
	return answer{status: status, message: fmt.Sprintf(format, args...), offset: -1}
}

func tryAgain(format string, args ...any) answer {
	a := failed(http.StatusServiceUnavailable, format, args...)
	a.header, a.value = "Retry-After", retryAfter
	return a
}

func (a answer) with(header, value string) answer {
	a.header, a.value = header, value
	return a
}

// write sends the answer. That the client may be gone does not matter here: what
// was stored is stored.
func (a answer) write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if a.header != "" {
		header.Set(a.header, a.value)
	}
	if a.status == http.StatusOK {
		header.Set("Lm-Stored", strconv.Itoa(a.stored))
		header.Set("Lm-Filtered", strconv.Itoa(a.filtered))
		w.WriteHeader(a.status)
		return
	}
	w.WriteHeader(a.status)
	fmt.Fprintf(w, `{"status": "error", "message": %s`, quote(a.message))
	if a.reason != "" {
		fmt.Fprintf(w, `, "reason": %s`, quote(a.reason))
	}
	if a.offset >= 0 {
		fmt.Fprintf(w, `, "offset": %d`, a.offset)
	}
	fmt.Fprint(w, "}\n")
}

// quote writes s as a JSON string.
func quote(s string) []byte {
	quoted, _ := json.Marshal(s) // of a string: cannot fail
	return quoted
}

// health answers /health as the first Lagermeister did: 200 with the counters, or
// 503 when nothing can be stored.
func (h *HTTP) health(w http.ResponseWriter) {
	if err := h.pub.Unavailable(); err != nil {
		tryAgain("Circuit breaker is flipped! %v", err).write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"errorCount": %d, "inFlight": %d, "receivedCount": %d, "refusedCount": %d, "skipped": %d, "storedCount": %d}`+"\n",
		h.failedRequests.Load(), h.inFlight.Load(), h.received.Load(), h.refusedRecords(), h.filtered.Load(), h.stored.Load())
}

// framed tells a body of frames from one bare message by its first byte.
func framed(body []byte) bool { return len(body) > 0 && body[0] == heka.RecordSeparator }

// barePrefix is the most that framing adds to a bare message: separators, header
// length, and a header of its length only.
const barePrefix = heka.FramingSize + 6
