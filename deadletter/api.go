package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"

	"lagermeister/stream"
)

const (
	pageSize  = 100 // letters on a page, unless limit says otherwise
	maxPage   = 1000
	askWithin = 30 * time.Second // for one question
	maxAsked  = 512 << 10        // bytes of a request's body: maxSubjects letters
)

// API is dead letters over HTTP:
//
//	GET  /api/v2/dead          by kind: {"streams":[Summary…]}
//	GET  /api/v2/dead/entries  one page: {"stream":…,"entries":[…],"next":N}
//	GET  /api/v2/dead/entry    one letter with its record: {"entries":[…]}
//	GET  /api/v2/dead/audit    who changed what, the newest first: {"entries":[Audit…]}
//	POST /api/v2/dead/replay   asks for letters to be delivered once more
//	POST /api/v2/dead/drop     removes letters for good
//
// GET takes stream, group, match, reason, from and to (RFC 3339) as parameters, a
// page also limit and after (the next of the page before), one letter which: its
// position or subject. POST takes a JSON object with the same names, and subjects of
// the only letters that are meant, rate (letters a second), dry_run and, for drop,
// "yes": true. It answers when all is
// done; a request that is given up ends there. With Accept: application/x-ndjson
// it answers with lines: {"selected":n,"done":n,…} four times a second, and last
// {"result":{…}}, or {"problem":{…}} when it has failed under way. stream may be
// left out while only one has dead letters. The audit takes limit.
type API struct {
	js    jetstream.JetStream
	log   logrus.FieldLogger
	mux   *http.ServeMux
	slots chan struct{} // questions at a time
	busy  chan struct{} // changes at a time: one
}

// NewAPI returns the API for all streams of a NATS server. Who may do what is
// decided by who serves it.
func NewAPI(js jetstream.JetStream, log logrus.FieldLogger) *API {
	a := &API{js: js, log: log.WithField("component", "dead letters"), mux: http.NewServeMux(), slots: make(chan struct{}, 4), busy: make(chan struct{}, 1)}
	a.mux.HandleFunc("GET /api/v2/dead", a.asked(a.summary))
	a.mux.HandleFunc("GET /api/v2/dead/entries", a.asked(a.entries))
	a.mux.HandleFunc("GET /api/v2/dead/entry", a.asked(a.entry))
	a.mux.HandleFunc("GET /api/v2/dead/audit", a.asked(a.audit))
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, nil, &asking{http.StatusNotFound, fmt.Errorf("there is no %s %.200q", r.Method, r.URL.Path)})
	})
	return a
}

// ServeHTTP answers questions.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// asked bounds the time and the number of questions.
func (a *API) asked(answer func(ctx context.Context, q url.Values) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), askWithin)
		defer cancel()
		select {
		case a.slots <- struct{}{}:
			defer func() { <-a.slots }()
		case <-ctx.Done():
			reply(w, nil, ctx.Err())
			return
		}
		found, err := answer(ctx, r.URL.Query())
		reply(w, found, err)
	}
}

func (a *API) summary(ctx context.Context, q url.Values) (any, error) {
	f, err := queryFilter(q)
	if err != nil {
		return nil, err
	}
	names := []string{q.Get("stream")}
	if names[0] == "" {
		if names, err = stream.Mains(ctx, a.js); err != nil {
			return nil, err
		}
	}
	answer := struct {
		Streams []Summary `json:"streams"`
	}{[]Summary{}}
	for _, name := range names {
		b, err := Open(ctx, a.js, name)
		if err != nil {
			return nil, err
		}
		s, err := b.Summary(ctx, f)
		if err != nil {
			return nil, err
		}
		answer.Streams = append(answer.Streams, s)
	}
	return answer, nil
}

func (a *API) entries(ctx context.Context, q url.Values) (any, error) {
	f, err := queryFilter(q)
	if err != nil {
		return nil, err
	}
	limit, err := queryNumber(q, "limit", pageSize)
	if err != nil {
		return nil, err
	}
	after, err := queryNumber(q, "after", 0)
	if err != nil {
		return nil, err
	}
	b, err := a.box(ctx, q.Get("stream"))
	if err != nil {
		return nil, err
	}
	page, next, err := b.List(ctx, f, after, int(min(max(limit, 1), maxPage)))
	if err != nil {
		return nil, err
	}
	return List(b, page, next), nil
}

func (a *API) entry(ctx context.Context, q url.Values) (any, error) {
	b, err := a.box(ctx, q.Get("stream"))
	if err != nil {
		return nil, err
	}
	found, err := b.Show(ctx, q.Get("which"))
	if err != nil {
		return nil, err
	}
	return List(b, found, 0), nil
}

func (a *API) audit(ctx context.Context, q url.Values) (any, error) {
	limit, err := queryNumber(q, "limit", pageSize)
	if err != nil {
		return nil, err
	}
	list, err := Audits(ctx, a.js, int(min(max(limit, 1), maxPage)))
	if err != nil {
		return nil, err
	}
	if list == nil {
		list = []Audit{}
	}
	return struct {
		Entries []Audit `json:"entries"`
	}{list}, nil
}

// Change does what a POST asks for in JSON, in the name of who. That it may is for the
// server to see.
func (a *API) Change(w http.ResponseWriter, r *http.Request, who string) {
	var asked struct {
		Stream string `json:"stream"`
		Filter
		Rate   float64 `json:"rate"`
		DryRun bool    `json:"dry_run"`
		Yes    bool    `json:"yes"`
	}
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAsked))
	body.DisallowUnknownFields()
	if err := body.Decode(&asked); err != nil {
		reply(w, nil, &asking{http.StatusBadRequest, err})
		return
	}
	drop := r.URL.Path == "/api/v2/dead/drop"
	if drop && !asked.Yes && !asked.DryRun {
		reply(w, nil, &asking{http.StatusBadRequest, errors.New(`dropped letters are gone for good: say "yes": true, or "dry_run": true to count them`)})
		return
	}
	if asked.Rate < 0 {
		reply(w, nil, &asking{http.StatusBadRequest, fmt.Errorf("rate %v: expected 0 or more", asked.Rate)})
		return
	}
	select {
	case a.busy <- struct{}{}:
		defer func() { <-a.busy }()
	default:
		reply(w, nil, &asking{http.StatusConflict, errors.New("another replay or drop is under way")})
		return
	}
	// A rate makes it last as long as it takes; the request's context still ends it.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	b, err := a.box(r.Context(), asked.Stream)
	if err != nil {
		reply(w, nil, err)
		return
	}
	change := b.Replay
	if drop {
		change = b.Drop
	}
	told := progress{w: w, lines: accepts(r, ndjson)}
	n, err := change(r.Context(), Change{Filter: asked.Filter, Rate: asked.Rate, DryRun: asked.DryRun, Who: who, Log: a.log, Progress: told.tell})
	told.end(struct {
		Stream string `json:"stream"`
		DryRun bool   `json:"dry_run"`
		Counts
	}{b.main, asked.DryRun, n}, err)
}

// box opens the dead letters of a stream, or of the only one.
func (a *API) box(ctx context.Context, name string) (*Box, error) {
	if name == "" {
		names, err := stream.Mains(ctx, a.js)
		if err != nil {
			return nil, err
		}
		if len(names) != 1 {
			return nil, &asking{http.StatusBadRequest, fmt.Errorf("expected a stream, one of %q", names)}
		}
		name = names[0]
	}
	return Open(ctx, a.js, name)
}
