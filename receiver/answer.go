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

func unavailableNow(why error) answer {
	return tryAgain("the stream takes no records now: %v", why)
}

func (a answer) with(header, value string) answer {
	a.header, a.value = header, value
	return a
}

// write sends the answer. That the client may be gone does not matter here: what
// was stored is stored.
func (a answer) write(w http.ResponseWriter) {
	header := w.Header()
	header["Content-Type"] = contentType
	if a.status == http.StatusOK {
		header["Lm-Stored"] = number(a.stored)
		header["Lm-Filtered"] = number(a.filtered)
		w.WriteHeader(a.status)
		return
	}
	if a.header != "" {
		header.Set(a.header, a.value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body())
}

// append appends the answer as it goes over the wire. date is the value of that
// header; last says that the connection ends with this answer.
func (a answer) append(dst []byte, date string, last bool) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(a.status), 10)
	dst = append(append(dst, ' '), http.StatusText(a.status)...)
	dst = append(append(dst, "\r\nContent-Type: application/json\r\nDate: "...), date...)
	if last {
		dst = append(dst, "\r\nConnection: close"...)
	}
	if a.status == http.StatusOK {
		dst = strconv.AppendInt(append(dst, "\r\nLm-Stored: "...), int64(a.stored), 10)
		dst = strconv.AppendInt(append(dst, "\r\nLm-Filtered: "...), int64(a.filtered), 10)
		return append(dst, "\r\nContent-Length: 0\r\n\r\n"...)
	}
	if a.header != "" {
		dst = append(append(append(append(dst, "\r\n"...), a.header...), ": "...), a.value...)
	}
	body := a.body()
	dst = strconv.AppendInt(append(dst, "\r\nContent-Length: "...), int64(len(body)), 10)
	return append(append(dst, "\r\n\r\n"...), body...)
}

// body is what stands in an answer that is not 200.
func (a answer) body() []byte {
	b := fmt.Appendf(nil, `{"status": "error", "message": %s`, quote(a.message))
	if a.reason != "" {
		b = fmt.Appendf(b, `, "reason": %s`, quote(a.reason))
	}
	if a.offset >= 0 {
		b = fmt.Appendf(b, `, "offset": %d`, a.offset)
	}
	return append(b, "}\n"...)
}

// Values of headers are shared by all answers: net/http only reads them.
var (
	contentType = []string{"application/json"}
	digits      = [...][]string{{"0"}, {"1"}}
)

func number(n int) []string {
	if n < len(digits) {
		return digits[n]
	}
	return []string{strconv.Itoa(n)}
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
