package search

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lagermeister/heka/matcher"
)

const (
	maxGoing = 8               // searches at a time
	patience = 3 * time.Second // of those beyond, before they are sent away
)

// Handler answers GET /api/v2/search, wherever it is mounted:
//
//	q       a spec of heka/matcher; absent or empty: all records
//	text    words that the payload must hold
//	from    records of this time and later: RFC 3339, or Unix time in ms
//	to      records before this time
//	limit   records on a page, 1 to MaxLimit, default DefaultLimit
//	cursor  next of the answer before
//
// The answer is an Answer in JSON. A request that makes no sense is 400 with a
// problem document (RFC 9457) that has the member "parameter", and for q also
// "offset", "excerpt" (the spec and a caret under the place) and "expected".
// 502 is a store that cannot answer, 503 that too many searches are going on.
func Handler(store Store) http.Handler {
	going := make(chan struct{}, maxGoing)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			write(w, http.StatusMethodNotAllowed, problem{Title: "method not allowed", Detail: "search is asked with GET, not " + r.Method})
			return
		}
		select {
		case going <- struct{}{}:
			defer func() { <-going }() // the answer takes memory until the asker has it
		case <-time.After(patience):
			w.Header().Set("Retry-After", "5")
			write(w, http.StatusServiceUnavailable, problem{Title: "too many searches", Detail: strconv.Itoa(maxGoing) + " are going on, ask again later"})
			return
		case <-r.Context().Done():
			return
		}
		request, err := ParseRequest(r.URL.RawQuery)
		var answer Answer
		if err == nil {
			answer, err = store.Search(r.Context(), request)
		}
		if err != nil {
			status, p := problemOf(err)
			write(w, status, p)
			return
		}
		write(w, http.StatusOK, answer)
	})
}

// problem is the body of an answer that is an error.
type problem struct {
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Parameter string `json:"parameter,omitempty"`
	Offset    *int   `json:"offset,omitempty"` // bytes into q
	Excerpt   string `json:"excerpt,omitempty"`
	Expected  string `json:"expected,omitempty"`
}

func problemOf(err error) (status int, p problem) {
	if wrong, ok := errors.AsType[*ParameterError](err); ok {
		p = problem{Title: "bad parameter", Detail: wrong.Error(), Parameter: wrong.Parameter}
		if syntax, ok := errors.AsType[*matcher.SyntaxError](wrong.Err); ok {
			p.Offset, p.Excerpt, p.Expected = &syntax.Offset, syntax.Excerpt(), syntax.Expected
		}
		return http.StatusBadRequest, p
	}
	return http.StatusBadGateway, problem{Title: "search store failed", Detail: err.Error()}
}

func write(w http.ResponseWriter, status int, body any) {
	kind := "application/json"
	if p, ok := body.(problem); ok {
		kind = "application/problem+json"
		p.Status = status
		body = p
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(body) // the asker is gone; there is nobody to tell
}

// ParseRequest reads the parameters of the HTTP endpoint. Its errors are
// *ParameterErrors.
func ParseRequest(query string) (r Request, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return r, &ParameterError{Parameter: "query", Reason: err.Error()}
	}
	for name, list := range values {
		if !slices.Contains(parameters, name) {
			return r, &ParameterError{Parameter: name, Reason: "unknown; there are " + strings.Join(parameters, ", ")}
		}
		if len(list) > 1 {
			return r, &ParameterError{Parameter: name, Reason: "given " + strconv.Itoa(len(list)) + " times"}
		}
	}
	if q := values.Get("q"); q != "" {
		if r.Spec, err = matcher.Parse(q); err != nil {
			return r, &ParameterError{Parameter: "q", Reason: err.Error(), Err: err}
		}
	}
	if text := values.Get("text"); text != "" {
		if r.Text = words(text); len(r.Text) == 0 {
			return r, &ParameterError{Parameter: "text", Reason: strconv.Quote(text) + " holds no word; words are letters and digits"}
		}
	}
	if r.From, err = parseTime("from", values.Get("from")); err != nil {
		return r, err
	}
	if r.To, err = parseTime("to", values.Get("to")); err != nil {
		return r, err
	}
	if limit := values.Get("limit"); limit != "" {
		if r.Limit, err = strconv.Atoi(limit); err != nil || r.Limit < 1 || r.Limit > MaxLimit {
			return r, &ParameterError{Parameter: "limit", Reason: strconv.Quote(limit) + " is not a number from 1 to " + strconv.Itoa(MaxLimit)}
		}
	}
	r.Cursor = values.Get("cursor")
	return r, nil
}

var parameters = []string{"q", "text", "from", "to", "limit", "cursor"}

// words returns the tokens of what somebody typed, each once.
func words(text string) []string {
	list := Tokens([]byte(text))
	slices.Sort(list)
	return slices.Compact(list)
}

// parseTime reads RFC 3339 or milliseconds; "" is the zero time.
func parseTime(name, value string) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if ms, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		return t, &ParameterError{Parameter: name, Reason: strconv.Quote(value) + " is neither RFC 3339, such as 2006-01-02T15:04:05Z, nor Unix time in milliseconds"}
	}
	return t, nil
}
