// Package search finds stored records. It holds what the stores share: the
// request and the answer, the HTTP endpoint, and the loop that fills a page.
//
// A store answers a query with at least every record that matches; each
// candidate is then decided by heka/matcher itself and by HasTokens. So all
// stores give the same records for the same question, and none is missing
// because a store's own query language could not express it.
package search

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"lagermeister/heka/matcher"
)

// Limits of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
	MaxExamined  = 10_000           // candidates looked at for one page
	Deadline     = 10 * time.Second // for one page
	MaxPage      = 8 << 20          // bytes of documents; the record that goes beyond is the last one
)

// Request asks for one page of records, newest first.
type Request struct {
	Spec  *matcher.Spec // nil: all
	Text  []string      // tokens (see Tokens), each of which the payload must hold
	From  time.Time     // records of this time and later; zero: no bound
	To    time.Time     // records before this time; zero: no bound
	Limit int           // records on a page; 0: DefaultLimit, at most MaxLimit

	// Cursor is Answer.Next of the page before, "" for the first page. The rest
	// of the request must be the same.
	Cursor string
}

// Everything reports whether the request asks only for a span of time, so that
// every candidate is a match.
func (r *Request) Everything() bool { return r.Spec == nil && len(r.Text) == 0 }

// validate checks what every question has.
func (r *Request) validate() error {
	if len(r.Text) > MaxTokens {
		return &ParameterError{Parameter: "text", Reason: strconv.Itoa(len(r.Text)) + " words, at most " + strconv.Itoa(MaxTokens)}
	}
	return nil
}

// The two meanings of Answer.Total.
const (
	Exact   = "exact"
	AtLeast = "at_least"
)

// Answer is one page.
type Answer struct {
	Total    int64    `json:"total"`    // matching records known of, on all pages
	TotalIs  string   `json:"total_is"` // Exact or AtLeast
	Examined int64    `json:"examined"` // candidates looked at for this page
	Partial  bool     `json:"partial"`  // stopped by Deadline, MaxExamined or MaxPage, so the page may be short
	Exact    bool     `json:"exact"`    // every verdict on this page was certain
	Records  []Record `json:"records"`  // never null
	Next     string   `json:"next"`     // cursor of the next page, "" after the last
	TookMS   int64    `json:"took_ms"`  // set by the HTTP endpoint
	Store    string   `json:"store"`    // About.Kind; set by the HTTP endpoint
}

// Record is a stored record.
type Record struct {
	ID       string          `json:"id"`
	Index    string          `json:"index"`
	Position string          `json:"position"` // SEQ.INDEX in the stream
	Time     time.Time       `json:"time"`     // of the event; when its block was cut if it has none
	Doc      json.RawMessage `json:"doc"`      // in ecs shape

	// Exact is false when the store does not hold all of the message, so that
	// the verdict is a guess in favour of showing the record.
	Exact bool `json:"exact"`
}

// Store finds and counts records. An error that is the asker's fault is a
// *ParameterError, which names the part of the request. What is asked ends with
// its context. Safe for concurrent use.
//
// Counts are of all matches where the store can tell these by its own query;
// otherwise of those among the newest candidates, which the Sum says.
type Store interface {
	About() About
	Search(ctx context.Context, r Request) (Answer, error)
	Facets(ctx context.Context, r FacetRequest) (Facets, error)
	Histogram(ctx context.Context, r HistogramRequest) (Histogram, error)

	// Find returns the record with an id, of several in different indices any.
	// The error is ErrNotFound, wrapped, when there is none.
	Find(ctx context.Context, id string) (Found, error)

	// Around returns up to n records on either side of the one with an id, of
	// those with its Hostname and Logger. The error is ErrNotFound, wrapped, when
	// there is none.
	Around(ctx context.Context, id string, n int) (Around, error)
}

// About says which store it is that answers.
type About struct {
	Kind   string `json:"kind"`   // KindEmbedded or KindElasticsearch
	Detail string `json:"detail"` // where it is; without secrets
}

// The kinds of stores. OpenSearch is an Elasticsearch here.
const (
	KindEmbedded      = "embedded"
	KindElasticsearch = "elasticsearch"
)

// ParameterError says which part of a request cannot be used, and why. The
// names are those of the HTTP endpoints: q, text, from, to, limit, cursor, …
type ParameterError struct {
	Parameter string
	Reason    string
	Err       error // for q: the *matcher.SyntaxError
}

func (e *ParameterError) Error() string { return "parameter " + e.Parameter + ": " + e.Reason }

func (e *ParameterError) Unwrap() error { return e.Err }
