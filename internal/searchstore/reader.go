package searchstore

import (
	"context"
	"database/sql"
	"errors"
)

const (
	// defaultWindow is how many rows a narrowed read passes over before it says
	// how far it came.
	defaultWindow = 200_000
	// maxHits is up to how many hits of the word index are sorted by time. With
	// more of them the rows are read in order of time and each is looked at: a
	// word that common is found soon.
	maxHits = 20_000
)

// reader reads the candidates of one file, newest first.
type reader struct {
	file   *file
	query  narrowing
	from   int64 // least time
	behind place // where to read on; found lies before it
	window int   // see defaultWindow

	found []candidate
	ended bool // nothing is behind found
	words wordsUse
}

// wordsUse is whether the word index helps; asked once.
type wordsUse uint8

const (
	wordsUnknown wordsUse = iota
	wordsUsed
	wordsTooCommon
)

// next is a place that no further candidate is newer than.
func (r *reader) next() place {
	if len(r.found) > 0 {
		return r.found[0].place
	}
	return r.behind
}

// take removes the first candidate.
func (r *reader) take() candidate {
	c := r.found[0]
	r.found = r.found[1:]
	return c
}

// read fetches up to n candidates, or a milestone, or comes to the end. It holds
// no transaction open afterwards.
func (r *reader) read(ctx context.Context, n int) error {
	if r.ended {
		return nil
	}
	f := r.file
	f.use.RLock()
	defer f.use.RUnlock()
	if f.gone {
		return errGone
	}
	if r.words == wordsUnknown && r.query.words != "" {
		var hits int
		err := f.read.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)",
			r.query.words, maxHits+1).Scan(&hits)
		if err != nil {
			return err
		}
		r.words = wordsUsed
		if hits > maxHits {
			r.words = wordsTooCommon
		}
	}

	// Two indices may hold the same record; it stands in the other one first
	// when that one's name is greater.
	below := "<"
	if f.name < r.behind.index {
		below = "<="
	}
	where := " WHERE (record.time, record.hash) " + below + " (?, ?) AND record.time >= ?"
	args := []any{r.behind.time, []byte(r.behind.hash), r.from}

	const fields = "SELECT record.time, record.hash, record.undated, record.skew, record.seq, record.idx, record.frame FROM "
	const order = " ORDER BY record.time DESC, record.hash DESC LIMIT ?"
	if r.words == wordsUsed {
		args = append([]any{r.query.words}, args...)
		args = append(append(args, r.query.args...), n)
		if err := r.fetch(ctx, fields+"(SELECT record.n AS hit FROM words CROSS JOIN record ON record.n = words.rowid"+
			" AND words MATCH ?"+where+r.query.where+order+") JOIN record ON record.n = hit ORDER BY record.time DESC, record.hash DESC", args); err != nil {
			return err
		}
		r.ended = len(r.found) < n
		return nil
	}

	const table = "record INDEXED BY by_time"
	var milestone *place
	if r.query.where != "" {
		at := place{index: f.name}
		err := f.read.QueryRowContext(ctx, "SELECT time, hash FROM "+table+where+order+" OFFSET ?",
			append(args[:3:3], 1, r.window)...).Scan(&at.time, &at.hash)
		switch {
		case err == nil:
			milestone = &at
			where += " AND (record.time, record.hash) >= (?, ?)"
			args = append(args, at.time, []byte(at.hash))
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
	}
	args = append(append(args, r.query.args...), n)
	if err := r.fetch(ctx, fields+table+where+r.query.where+order, args); err != nil {
		return err
	}
	if len(r.found) < n {
		if r.ended = milestone == nil; !r.ended {
			r.found = append(r.found, candidate{place: *milestone})
			r.behind = *milestone
		}
	}
	return nil
}

// fetch sets found to the rows of a query and behind to the place of the last.
func (r *reader) fetch(ctx context.Context, query string, args []any) error {
	rows, err := r.file.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	r.found = nil
	for rows.Next() {
		c := candidate{place: place{index: r.file.name}}
		if err := rows.Scan(&c.place.time, &c.place.hash, &c.undated, &c.skew, &c.sequence, &c.position, &c.frame); err != nil {
			return err
		}
		r.found = append(r.found, c)
	}
	if len(r.found) > 0 {
		r.behind = r.found[len(r.found)-1].place
	}
	return rows.Err()
}
