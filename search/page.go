package search

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Verdict is what is known of a candidate.
type Verdict uint8

// The verdicts. Maybe is shown, marked as not exact.
const (
	No Verdict = iota
	Maybe
	Yes
)

// Row is a candidate record of a store.
type Row struct {
	Record Record // Exact is set by Fill

	// After is the store's own cursor: the next Read with it begins behind this
	// row. Any text, in no need of escaping.
	After string

	// Body is the message on the wire. A store that does not keep it leaves it
	// nil and sets Decide.
	Body   []byte
	Decide func(*Request) Verdict
}

// Source reads the candidates of one request, newest first, always in the same
// order.
type Source interface {
	// Read returns up to n rows behind the cursor ("": from the first on). Fewer
	// than n means that there are no more. A cursor that is not one of the
	// store's is a *ParameterError. The rows are valid until the next Read.
	Read(ctx context.Context, after string, n int) ([]Row, error)

	// Count returns how many candidates there are. It is called only when every
	// candidate is a match.
	Count(ctx context.Context) (int64, error)
}

// readSize is how many candidates are read at once at most: they may be large.
const readSize = 200

// Fill answers r from the candidates in src: it reads and decides until the page
// is full, by number or by MaxPage, MaxExamined candidates have been looked at, or
// Deadline is over. What was found by then is the answer. An error of the source, other than that of the
// deadline, is returned.
func Fill(ctx context.Context, r Request, src Source) (Answer, error) {
	return fill(ctx, r, src, Deadline)
}

func fill(ctx context.Context, r Request, src Source, deadline time.Duration) (Answer, error) {
	p, err := startPage(&r)
	if err != nil {
		return Answer{}, err
	}
	limited, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	if err := p.read(limited, src); err != nil {
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return Answer{}, err
		}
		p.answer.Partial = true
	}
	return p.finish(limited, src)
}

// page is an answer in the making.
type page struct {
	judge
	answer  Answer
	after   string // the store's cursor behind the last row looked at
	matched int64  // on the pages before and on this one
	bytes   int    // of the documents on this one
	done    bool   // no further candidates
}

func startPage(r *Request) (*page, error) {
	switch {
	case r.Limit == 0:
		r.Limit = DefaultLimit
	case r.Limit < 0 || r.Limit > MaxLimit:
		return nil, &ParameterError{Parameter: "limit", Reason: strconv.Itoa(r.Limit) + " is not between 1 and " + strconv.Itoa(MaxLimit)}
	}
	if err := r.validate(); err != nil {
		return nil, err
	}
	p := &page{judge: judge{request: r}, answer: Answer{Exact: true, Records: []Record{}}}
	if r.Cursor != "" {
		var err error
		if p.after, p.matched, err = parseCursor(r.Cursor); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// read looks at candidates until there is a reason to stop.
func (p *page) read(ctx context.Context, src Source) error {
	for !p.done {
		n := readSize
		if p.request.Everything() { // one more, to know whether there is a next page
			n = min(p.request.Limit+1, readSize)
		}
		rows, err := src.Read(ctx, p.after, n)
		if err != nil {
			return err
		}
		for i := range rows {
			switch {
			case len(p.answer.Records) == p.request.Limit:
				return nil
			case p.answer.Examined == MaxExamined, p.bytes >= MaxPage, ctx.Err() != nil:
				p.answer.Partial = true
				return nil
			}
			p.take(&rows[i])
		}
		p.done = len(rows) < n
	}
	return nil
}

// take decides one candidate.
func (p *page) take(row *Row) {
	p.answer.Examined++
	p.after = row.After
	verdict := p.verdict(row)
	if verdict == Maybe {
		p.answer.Exact = false
	}
	if verdict != No {
		p.matched++
		row.Record.Exact = verdict == Yes
		p.bytes += len(row.Record.Doc)
		p.answer.Records = append(p.answer.Records, row.Record)
	}
}

// finish fills in the sums and the cursor.
func (p *page) finish(ctx context.Context, src Source) (Answer, error) {
	p.answer.Total, p.answer.TotalIs = p.matched, AtLeast
	if p.done {
		p.answer.TotalIs = Exact
	} else {
		p.answer.Next = formatCursor(p.after, p.matched)
	}
	if !p.answer.Exact { // the total counts guesses
		p.answer.TotalIs = AtLeast
	}
	if p.request.Everything() {
		total, err := src.Count(ctx)
		if err != nil {
			return Answer{}, err
		}
		p.answer.Total, p.answer.TotalIs = total, Exact
	}
	return p.answer, nil
}

// A cursor is the number of matches up to it and the store's own cursor, so that
// totals grow from page to page.
func formatCursor(after string, matched int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(matched, 10) + " " + after))
}

func parseCursor(cursor string) (after string, matched int64, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	number, after, ok := strings.Cut(string(raw), " ")
	if err == nil && ok {
		if matched, err = strconv.ParseInt(number, 10, 64); err == nil && matched >= 0 {
			return after, matched, nil
		}
	}
	return "", 0, &ParameterError{Parameter: "cursor", Reason: "not the next of an earlier answer"}
}
