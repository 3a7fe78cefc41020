package search

import (
	"cmp"
	"context"
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

// Bounds of what goes on at a time. Counts do not hold up searches.
const (
	maxGoing    = 8               // searches
	maxCounting = 4               // facets and histograms
	patience    = 3 * time.Second // of those beyond, before they are sent away
)

// Handlers are the endpoints of a store by their paths. All of them take GET and
// HEAD, and the parameters that say which records are meant:
//
//	q       a spec of heka/matcher; absent or empty: all records
//	text    words that the payload must hold
//	from    records of this time and later: RFC 3339, or Unix time in ms
//	to      records before this time
//	limit   records on a page, 1 to MaxLimit, default DefaultLimit
//	cursor  next of the answer before
//
// An unknown parameter is an error, and so is one that is given twice.
//
//	/api/v2/search     one page of records, newest first: an Answer
//	/api/v2/facets     the most frequent values of fields: Facets. field=Severity,
//	                   Hostname, Logger, Type or Fields[NAME], may be given up to
//	                   MaxFacets times, default those four headers; size=1 to
//	                   MaxFacetSize, default DefaultFacetSize. limit and cursor
//	                   have no effect. Dynamic fields are best asked for by
//	                   themselves: the embedded store counts them among the newest
//	                   10,000 candidates only, and all facets of a request alike
//	/api/v2/histogram  how many records over time, by severity: a Histogram.
//	                   buckets=1 to MaxBuckets, default DefaultBuckets. limit and
//	                   cursor have no effect
//	/api/v2/context    id=ID, n=1 to MaxAround, default DefaultAround, and none of
//	                   the above: the record and up to n on either side of those
//	                   with its Hostname and Logger: an Around. 404 when there is
//	                   no record of this id
//	/api/v2/export     all pages as one stream, to be saved as a file: format=ndjson
//	                   (default), a Record a line, or csv, with a line of names.
//	                   limit=1 to MaxExport, the default, is that of the whole. When
//	                   there is more, or it stops early, the last line is a note that
//	                   says so and how to go on ({"note":…}, or a cell that begins
//	                   with "# "), and the trailer Lm-Export-Complete is false
//	/logs              what LogFlow Insight asks, and its answer: see logsHandler
//
// MessageHandler is one more.
//
// A request that makes no sense is 400 with a problem document (RFC 9457) that has
// the member "parameter", and for q also "offset", "excerpt" (the spec and a caret
// under the place) and "expected". 502 is a store that cannot answer, 503 that too
// many questions are going on. Who hangs up ends the question.
func Handlers(store Store) map[string]http.Handler {
	searches, counts := make(gate, maxGoing), make(gate, maxCounting)
	return map[string]http.Handler{
		"/api/v2/search": searches.handler(parameters, func(ctx context.Context, r Request, _ url.Values) (any, error) {
			started := time.Now()
			answer, err := store.Search(ctx, r)
			answer.TookMS, answer.Store = time.Since(started).Milliseconds(), store.About().Kind
			return answer, err
		}),
		"/api/v2/facets": counts.handler(append(slices.Clone(parameters), "field", "size"), func(ctx context.Context, r Request, more url.Values) (any, error) {
			started := time.Now()
			request, err := facetRequest(r, more)
			if err != nil {
				return nil, err
			}
			answer, err := store.Facets(ctx, request)
			answer.TookMS = time.Since(started).Milliseconds()
			return answer, err
		}),
		"/api/v2/histogram": counts.handler(append(slices.Clone(parameters), "buckets"), func(ctx context.Context, r Request, more url.Values) (any, error) {
			started := time.Now()
			n, err := number(more, "buckets", MaxBuckets)
			if err != nil {
				return nil, err
			}
			answer, err := store.Histogram(ctx, HistogramRequest{Request: r, Buckets: n})
			answer.TookMS = time.Since(started).Milliseconds()
			return answer, err
		}),
		"/api/v2/context": searches.handler([]string{"id", "n"}, func(ctx context.Context, _ Request, all url.Values) (any, error) {
			started := time.Now()
			id := all.Get("id")
			if id == "" {
				return nil, &ParameterError{Parameter: "id", Reason: "is missing"}
			}
			n, err := number(all, "n", MaxAround)
			if err != nil {
				return nil, err
			}
			answer, err := store.Around(ctx, id, cmp.Or(n, DefaultAround))
			answer.TookMS = time.Since(started).Milliseconds()
			return answer, err
		}),
		"/api/v2/export": exportHandler(store),
		LogsPath:         logsHandler(store, searches),
	}
}

// gate bounds how many questions of a kind go on at a time.
type gate chan struct{}

// enter waits for a place; false means that the asker has got an answer, or left.
func (g gate) enter(w http.ResponseWriter, r *http.Request) bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case g <- struct{}{}:
		return true
	case <-late.C:
		w.Header().Set("Retry-After", "5")
		write(w, http.StatusServiceUnavailable, problem{Title: "too many searches", Detail: strconv.Itoa(cap(g)) + " are going on, ask again later"})
	case <-r.Context().Done():
	}
	return false
}

// leave gives the place back: the answer takes memory until the asker has it.
func (g gate) leave() { <-g }

// handler answers in JSON what is asked with these parameters.
func (g gate) handler(known []string, ask func(ctx context.Context, r Request, all url.Values) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !isGet(w, r) || !g.enter(w, r) {
			return
		}
		defer g.leave()
		request, all, err := parse(r.URL.RawQuery, known)
		var answer any
		if err == nil {
			answer, err = ask(r.Context(), request, all)
		}
		if err != nil {
			status, p := problemOf(err)
			write(w, status, p)
			return
		}
		write(w, http.StatusOK, answer)
	})
}

func isGet(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	write(w, http.StatusMethodNotAllowed, problem{Title: "method not allowed", Detail: "search is asked with GET, not " + r.Method})
	return false
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
	if errors.Is(err, ErrNotFound) {
		return http.StatusNotFound, problem{Title: "no such record", Detail: err.Error()}
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

// ParseRequest reads the parameters of /api/v2/search. Its errors are
// *ParameterErrors.
func ParseRequest(query string) (Request, error) {
	r, _, err := parse(query, parameters)
	return r, err
}

// parse reads the parameters of a request; known are those it may have.
func parse(query string, known []string) (r Request, values url.Values, err error) {
	if values, err = parseQuery(query, known); err != nil {
		return r, nil, err
	}
	if q := values.Get("q"); q != "" {
		if r.Spec, err = matcher.Parse(q); err != nil {
			return r, nil, &ParameterError{Parameter: "q", Reason: err.Error(), Err: err}
		}
	}
	if text := values.Get("text"); text != "" {
		if r.Text = words(text); len(r.Text) == 0 {
			return r, nil, &ParameterError{Parameter: "text", Reason: strconv.Quote(text) + " holds no word; words are letters and digits"}
		}
	}
	if r.From, err = parseTime("from", values.Get("from")); err != nil {
		return r, nil, err
	}
	if r.To, err = parseTime("to", values.Get("to")); err != nil {
		return r, nil, err
	}
	if r.Limit, err = number(values, "limit", MaxLimit); err != nil {
		return r, nil, err
	}
	r.Cursor = values.Get("cursor")
	return r, values, nil
}

// parseQuery takes known parameters, each once save for field.
func parseQuery(query string, known []string) (url.Values, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, &ParameterError{Parameter: "query", Reason: err.Error()}
	}
	for name, list := range values {
		if !slices.Contains(known, name) {
			return nil, &ParameterError{Parameter: name, Reason: "unknown; there are " + strings.Join(known, ", ")}
		}
		if len(list) > 1 && name != "field" {
			return nil, &ParameterError{Parameter: name, Reason: "given " + strconv.Itoa(len(list)) + " times"}
		}
	}
	return values, nil
}

var parameters = []string{"q", "text", "from", "to", "limit", "cursor"}

// number reads a number from 1 to most; 0 when it is not given.
func number(values url.Values, name string, most int) (int, error) {
	text := values.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &ParameterError{Parameter: name, Reason: strconv.Quote(text) + " is not a number from 1 to " + strconv.Itoa(most)}
	}
	return n, nil
}

func facetRequest(r Request, values url.Values) (f FacetRequest, err error) {
	f.Request = r
	for _, name := range values["field"] {
		field, err := ParseField(name)
		if err != nil {
			return f, err
		}
		f.Fields = append(f.Fields, field)
	}
	f.Size, err = number(values, "size", MaxFacetSize)
	return f, err
}

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
