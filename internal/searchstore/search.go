package searchstore

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/search"
)

// Search finds records, newest first; records of the same time are in the order
// of their ids. What is stored while someone turns pages is found when it lies
// behind the cursor. It does not hold up writers, nor they it.
func (s *Store) Search(ctx context.Context, r search.Request) (search.Answer, error) {
	return search.Fill(ctx, r, s.source(&r))
}

// source returns the candidates of a request.
func (s *Store) source(r *search.Request) *source {
	src := &source{store: s, request: r}
	src.from, src.to = bounds(r)
	return src
}

// bounds returns the times asked for: from <= t < to; the last time there is
// stands for no bound.
func bounds(r *search.Request) (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !r.From.IsZero() {
		from = unixNano(r.From)
	}
	if !r.To.IsZero() {
		to = unixNano(r.To)
	}
	return from, to
}

// unixNano is t.UnixNano() within its bounds.
func unixNano(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, math.MinInt64)):
		return math.MinInt64
	case t.After(time.Unix(0, math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// place is where a record stands in the order of all: by time, hash and index.
// An index may be "" for a place between records.
type place struct {
	time  int64
	hash  string // 16 bytes; "" before and lastHash behind all of them
	index string
}

const lastHash = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.hash, b.hash), cmp.Compare(a.index, b.index))
}

func (p place) String() string { return fmt.Sprintf("%d %x %s", p.time, p.hash, p.index) }

func parsePlace(text string) (p place, err error) {
	parts := strings.SplitN(text, " ", 3)
	if len(parts) == 3 {
		var hash []byte
		if p.time, err = strconv.ParseInt(parts[0], 10, 64); err == nil {
			hash, err = hex.DecodeString(parts[1])
			p.hash, p.index = string(hash), parts[2]
		}
	}
	if len(parts) != 3 || err != nil {
		return p, &search.ParameterError{Parameter: "cursor", Reason: "not one of this store"}
	}
	return p, nil
}

// source merges the files' candidates for one request. It is for one goroutine.
type source struct {
	store    *Store
	request  *search.Request
	from, to int64 // see bounds

	readers []*reader // that have more; nil until the first Read
	at      string    // the cursor behind the last row returned
	message heka.Message
}

// readFor is how long one Read goes through records that do not match before it
// says how far it came.
const readFor = 2 * time.Second

// Read is part of search.Source.
//
// A row may be a milestone: no record, only a place up to which there are none.
// With them a search through many records that do not match makes progress even
// when it runs into its deadline.
func (s *source) Read(ctx context.Context, after string, n int) ([]search.Row, error) {
	if s.readers == nil || after != s.at {
		if err := s.start(ctx, after); err != nil {
			return nil, err
		}
	}
	rows := make([]search.Row, 0, n)
	for started := time.Now(); len(rows) < n; {
		r, err := s.newest(ctx, n)
		if err != nil {
			return nil, err
		}
		if r == nil {
			break // no more
		}
		c := r.take()
		s.at = c.place.String()
		row := search.Row{After: s.at, Decide: decideNo}
		if c.frame != nil {
			s.fill(&row, &c)
			rows = append(rows, row)
			continue
		}
		rows = append(rows, row)
		for time.Since(started) > readFor && len(rows) < n {
			rows = append(rows, row) // a full page says that there may be more
		}
	}
	return rows, nil
}

func decideNo(*search.Request) search.Verdict { return search.No }

// start makes a reader for each file that may hold candidates behind a cursor.
func (s *source) start(ctx context.Context, after string) error {
	from := place{time: s.to} // not included
	if after != "" {
		var err error
		if from, err = parsePlace(after); err != nil {
			return err
		}
	} else if s.to == math.MaxInt64 {
		from.hash, from.index = lastHash, lastHash // the last time there is, too
	}
	s.at, s.readers = after, []*reader{}
	for _, f := range s.store.all() {
		held := f.held()
		if held.rows == 0 || held.max < s.from || held.min > from.time {
			continue
		}
		q, possible := narrow(ctx, s.request, &f.values)
		if !possible {
			continue
		}
		r := &reader{file: f, query: q, from: s.from, behind: from, window: defaultWindow}
		if held.max < from.time {
			r.behind = place{held.max, lastHash, lastHash}
		}
		s.readers = append(s.readers, r)
	}
	return nil
}

// newest returns the reader with the next candidate, nil at the end. A reader is
// asked for candidates only when none of the others has a newer one.
func (s *source) newest(ctx context.Context, n int) (*reader, error) {
	for {
		var best *reader
		for _, r := range s.readers {
			if best == nil || comparePlaces(r.next(), best.next()) > 0 {
				best = r
			}
		}
		if best == nil || len(best.found) > 0 {
			return best, nil
		}
		err := best.read(ctx, n)
		if errors.Is(err, errGone) || isCorrupt(err) {
			s.store.damaged(best.file, err)
			best.found, best.ended = nil, true
		} else if ctx.Err() != nil {
			return nil, ctx.Err() // SQLite's word for it is "interrupted"
		} else if err != nil {
			return nil, fmt.Errorf("search in index %s: %w", best.file.name, err)
		}
		if len(best.found) == 0 && best.ended {
			s.readers = slices.DeleteFunc(s.readers, func(r *reader) bool { return r == best })
		}
	}
}

// fill makes the row of a candidate.
func (s *source) fill(row *search.Row, c *candidate) {
	row.Decide = nil
	row.Record = search.Record{Index: c.place.index, Time: time.Unix(0, c.place.time).UTC()}
	row.Record.ID = string(appendID(nil, c.place.time, c.undated, []byte(c.place.hash)))
	if c.sequence > 0 {
		row.Record.Position = fmt.Sprintf("%d.%d", c.sequence, c.position)
	}
	row.Body, _ = messageOf(c.frame) // it was one when it was stored
	_ = s.message.Parse(row.Body)    // and it decoded
	r := encode.Record{Message: &s.message, Sequence: c.sequence, Index: c.position, ClockSkew: c.skew}
	if c.undated {
		r.Cut = row.Record.Time
	}
	row.Record.Doc = s.store.encoder.Append(nil, &r)
}

// Count is part of search.Source.
func (s *source) Count(ctx context.Context) (total int64, err error) {
	for _, f := range s.store.all() {
		n, err := f.count(ctx, s.from, s.to)
		if err != nil && !errors.Is(err, errGone) {
			s.store.damaged(f, err)
			return 0, err
		}
		total += n
	}
	return total, nil
}

// count returns how many rows have a time in from..to, less to itself.
func (f *file) count(ctx context.Context, from, to int64) (n int64, err error) {
	held := f.held()
	switch {
	case held.rows == 0 || held.max < from || held.min >= to && to != math.MaxInt64:
		return 0, nil
	case held.min >= from && (held.max < to || to == math.MaxInt64):
		return held.rows, nil
	}
	f.use.RLock()
	defer f.use.RUnlock()
	if f.gone {
		return 0, errGone
	}
	last := to
	if to != math.MaxInt64 {
		last--
	}
	err = f.read.QueryRowContext(ctx, "SELECT count(*) FROM record INDEXED BY by_time WHERE time BETWEEN ? AND ?", from, last).Scan(&n)
	return n, err
}

// candidate is a row of a file; without a frame it is a milestone.
type candidate struct {
	place    place
	undated  bool
	skew     bool
	sequence uint64
	position int
	frame    []byte
}
