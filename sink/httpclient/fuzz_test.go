package httpclient

import (
	"net/http"
	"testing"
	"time"
	"unicode/utf8"

	"lagermeister/sink"
)

// Whatever a far end answers, its words stay within bounds.
func FuzzExplain(f *testing.F) {
	f.Add(503, "", "3", []byte(`{"error":{"type":"t","reason":"r"},"status":503}`))
	f.Add(400, "", "-1", []byte(`{"error":"no handler found for uri [/x]"}`))
	f.Add(302, "https://u:p@host/path?q", "Sun, 01 Mar 2026 12:00:30 GMT", []byte("<html>"))
	f.Fuzz(func(t *testing.T, status int, location, after string, body []byte) {
		resp := &http.Response{StatusCode: status, Header: http.Header{"Location": {location}}}
		errorType, reason := explain(resp, body)
		if len(errorType) > sink.MaxWords || len(reason) > sink.MaxWords || !utf8.ValidString(errorType+reason) {
			t.Fatalf("type %q, reason %q", errorType, reason)
		}
		if wait := retryAfter(after, time.Now()); wait < 0 || wait > sink.MaxRetryAfter {
			t.Fatalf("Retry-After %q is read as %s", after, wait)
		}
	})
}
