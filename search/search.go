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

// Store finds records. An error that is the asker's fault is a *ParameterError,
// which names the part of the request. Safe for concurrent use.
type Store interface {
	Search(ctx context.Context, r Request) (Answer, error)
}

// ParameterError says which part of a request cannot be used, and why. The
// names are those of the HTTP endpoint: q, text, from, to, limit, cursor.
type ParameterError struct {
	Parameter string
	Reason    string
	Err       error // for q: the *matcher.SyntaxError
}

func (e *ParameterError) Error() string { return "parameter " + e.Parameter + ": " + e.Reason }

func (e *ParameterError) Unwrap() error { return e.Err }
