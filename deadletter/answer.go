package deadletter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/heka/matcher"
)

func queryFilter(q url.Values) (f Filter, err error) {
	f = Filter{Group: q.Get("group"), Match: q.Get("match"), Reason: q.Get("reason")}
	for name, at := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		if text := q.Get(name); text != "" {
			if *at, err = time.Parse(time.RFC3339, text); err != nil {
				return f, &asking{http.StatusBadRequest, fmt.Errorf("%s: %w", name, err)}
			}
		}
	}
	return f, nil
}

func queryNumber(q url.Values, name string, fallback uint64) (uint64, error) {
	text := q.Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, &asking{http.StatusBadRequest, fmt.Errorf("%s=%q: expected a number", name, text)}
	}
	return n, nil
}

// asking is an error in the request.
type asking struct {
	status int
	err    error
}

func (e *asking) Error() string { return e.err.Error() }
func (e *asking) Unwrap() error { return e.err }

// reply answers with JSON, or with a problem document (RFC 9457).
func reply(w http.ResponseWriter, answer any, err error) {
	status := http.StatusOK
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status = statusOf(err)
		answer = problemOf(status, answer, err)
		w.Header().Set("Content-Type", "application/problem+json")
		if status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "5")
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the peer may be gone
}

func problemOf(status int, done any, err error) map[string]any {
	p := map[string]any{"title": http.StatusText(status), "status": status, "detail": err.Error(), "done": done}
	if syntax, ok := errors.AsType[*matcher.SyntaxError](err); ok {
		p["parameter"], p["offset"], p["excerpt"], p["expected"] = "match", syntax.Offset, syntax.Excerpt(), syntax.Expected
	}
	return p
}

func statusOf(err error) int {
	var bad *asking
	var syntax *matcher.SyntaxError
	switch {
	case errors.As(err, &bad):
		return bad.status
	case errors.As(err, &syntax):
		return http.StatusBadRequest
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrInvalidStreamName), errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	}
	return http.StatusServiceUnavailable
}
