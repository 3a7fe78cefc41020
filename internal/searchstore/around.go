package searchstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"lagermeister/heka"
	"lagermeister/search"
)

// recordFields are the columns that reader.fetch wants.
const recordFields = "SELECT record.time, record.hash, record.undated, record.skew, record.seq, record.idx, record.frame FROM record "

// Find is part of search.Store.
func (s *Store) Find(ctx context.Context, id string) (search.Found, error) {
	c, err := s.find(ctx, id)
	if err != nil {
		return search.Found{}, err
	}
	var row search.Row
	s.source(&search.Request{}).fill(&row, &c)
	row.Record.Exact = true
	return search.Found{Record: row.Record, Frame: c.frame}, nil
}

// find looks for an id in all files.
func (s *Store) find(ctx context.Context, id string) (candidate, error) {
	limited, cancel := context.WithTimeout(ctx, search.Deadline)
	defer cancel()
	missing := fmt.Errorf("id %.60q: %w", id, search.ErrNotFound)
	if len(id) != idSize {
		return candidate{}, missing
	}
	ms, err := strconv.ParseInt(id[:12], 16, 64)
	if err != nil {
		return candidate{}, missing
	}
	hash, err := parseID(id, ms*1e6)
	if err != nil {
		return candidate{}, missing
	}
	// A millisecond, or, for an id without a time, a record without one or from
	// before 1970.
	where, args := "INDEXED BY by_time WHERE time BETWEEN ? AND ? AND hash = ?", []any{ms * 1e6, ms*1e6 + min(999_999, math.MaxInt64-ms*1e6), hash[:]}
	if ms == 0 {
		where, args = "WHERE undated AND hash = ? UNION ALL "+recordFields+"INDEXED BY by_time WHERE time < 1000000 AND NOT undated AND hash = ?", []any{hash[:], hash[:]}
	}
	for _, f := range s.all() {
		r := reader{file: f}
		if err := s.read(limited, &r, recordFields+where+" LIMIT 1", args); err != nil {
			return candidate{}, err
		}
		if len(r.found) > 0 {
			return r.found[0], nil
		}
	}
	return candidate{}, missing
}

// read runs one query of a file. A file that was removed has no rows.
func (s *Store) read(ctx context.Context, r *reader, query string, args []any) error {
	r.file.use.RLock()
	var err error
	if !r.file.gone {
		err = r.fetch(ctx, query, args)
	}
	r.file.use.RUnlock()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err() // SQLite's word for it is "interrupted"
	}
	s.damaged(r.file, err)
	return fmt.Errorf("read in index %s: %w", r.file.name, err)
}

// Around is part of search.Store.
func (s *Store) Around(ctx context.Context, id string, n int) (search.Around, error) {
	c, err := s.find(ctx, id)
	if err != nil {
		return search.Around{}, err
	}
	src := s.source(&search.Request{})
	var row search.Row
	src.fill(&row, &c)
	row.Record.Exact = true
	src.request.Spec = search.SameSource(string(src.message.Hostname), string(src.message.Logger))
	answer := search.Around{Record: row.Record, Before: []search.Record{}, After: []search.Record{}}

	limited, cancel := context.WithTimeout(ctx, search.Deadline)
	defer cancel()
	for _, d := range []*direction{before, after} {
		list, err := s.neighbours(limited, src, c.place, d, n)
		switch {
		case ctx.Err() != nil:
			return search.Around{}, ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			answer.Partial = true
		case err != nil:
			return search.Around{}, err
		}
		if d == after {
			answer.After = list
		} else {
			slices.Reverse(list)
			answer.Before = list
		}
	}
	return answer, nil
}

// direction is from a record to older or to newer ones.
type direction struct {
	where, order string
	nearer       func(a, b place) int
}

var (
	before = &direction{"(time, hash) < (?, ?)", "ORDER BY time DESC, hash DESC", func(a, b place) int { return comparePlaces(b, a) }}
	after  = &direction{"(time, hash) > (?, ?)", "ORDER BY time, hash", comparePlaces}
)

// neighbours returns the n records nearest to a place that the spec of src
// selects, of all files. At an error it returns those of the files read so far.
func (s *Store) neighbours(ctx context.Context, src *source, at place, d *direction, n int) ([]search.Record, error) {
	var nearest []candidate
	var failed error
	for _, f := range s.all() {
		q, possible := narrow(ctx, src.request, &f.values)
		if !possible || f.held().rows == 0 {
			continue
		}
		found, err := s.neighboursIn(ctx, f, &q, src, at, d, n)
		nearest = append(nearest, found...)
		if failed = err; err != nil {
			break
		}
	}
	slices.SortFunc(nearest, func(a, b candidate) int { return d.nearer(a.place, b.place) })
	list := []search.Record{}
	size := 0
	for _, c := range nearest[:min(n, len(nearest))] {
		if size > search.MaxPage {
			break
		}
		var row search.Row
		src.fill(&row, &c)
		row.Record.Exact = true
		list = append(list, row.Record)
		size += len(row.Record.Doc)
	}
	return list, failed
}

func (s *Store) neighboursIn(ctx context.Context, f *file, q *narrowing, src *source, at place, d *direction, n int) (found []candidate, err error) {
	query := recordFields + "INDEXED BY by_time WHERE " + d.where + q.where + " " + d.order + " LIMIT ?"
	r := reader{file: f}
	var m heka.Message
	for examined := 0; examined < search.MaxExamined; examined += len(r.found) {
		args := append(append([]any{at.time, []byte(at.hash)}, q.args...), n)
		if err := s.read(ctx, &r, query, args); err != nil {
			return found, err
		}
		for _, c := range r.found {
			at = c.place
			body, _ := messageOf(c.frame) // it was one when it was stored
			if _ = m.Parse(body); src.request.Spec.Match(&m) {
				found = append(found, c)
			}
		}
		if len(found) >= n || len(r.found) < n {
			break
		}
	}
	return found, nil
}
