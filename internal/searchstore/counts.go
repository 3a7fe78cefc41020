package searchstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"lagermeister/heka/matcher"
	"lagermeister/search"
)

// About is part of search.Store.
func (s *Store) About() search.About {
	return search.About{Kind: search.KindEmbedded, Detail: s.cfg.Dir}
}

// Facets is part of search.Store. Headers are counted in the index as long as SQL
// decides all of the spec; otherwise the newest candidates are looked at.
func (s *Store) Facets(ctx context.Context, r search.FacetRequest) (search.Facets, error) {
	if err := r.Validate(); err != nil {
		return search.Facets{}, err
	}
	parts, ok := s.exactly(ctx, &r.Request)
	call := "lm_tally("
	for i, f := range r.Fields {
		header, known := f.Header()
		if !known {
			ok = false
			break
		}
		if i > 0 {
			call += ", "
		}
		call += facetColumns[header].name
	}
	if !ok {
		return search.CountFacets(ctx, r, s.source(&r.Request))
	}
	counts, others := make([]search.Counts, len(r.Fields)), make([]int64, len(r.Fields))
	for i := range counts {
		counts[i] = search.Counts{}
	}
	sum, err := s.tally(ctx, &r.Request, parts, call+")", nil, func(f *file, t tally) {
		for i, field := range r.Fields {
			header, _ := field.Header()
			column := facetColumns[header]
			if column.number {
				for n, count := range t[i] {
					counts[i][strconv.FormatInt(n, 10)] += count
				}
				continue
			}
			texts, _ := f.values.list(column.variable)
			for n, count := range t[i] {
				if n == 0 { // one of the texts that do not fit
					others[i] += count
					continue
				}
				counts[i][valid(texts[n-1])] += count
			}
		}
	})
	if err != nil {
		return search.Facets{}, err
	}
	answer := search.Facets{Sum: sum}
	for i, f := range r.Fields {
		answer.Facets = append(answer.Facets, counts[i].Facet(f, r.Size, others[i]))
	}
	return answer, nil
}

// facetColumns says where the headers are.
var facetColumns = map[matcher.Var]struct {
	name     string
	number   bool
	variable variable
}{
	matcher.VarSeverity: {name: "severity", number: true}, matcher.VarHostname: {name: "hostname", variable: varHostname},
	matcher.VarLogger: {name: "logger", variable: varLogger}, matcher.VarType: {name: "type", variable: varType},
}

// valid is a text as a document shows it: with U+FFFD for each bad byte.
func valid(text string) string { return string([]rune(text)) }

// Histogram is part of search.Store.
func (s *Store) Histogram(ctx context.Context, r search.HistogramRequest) (search.Histogram, error) {
	if err := r.Validate(); err != nil {
		return search.Histogram{}, err
	}
	parts, ok := s.exactly(ctx, &r.Request)
	if !ok {
		return search.CountHistogram(ctx, r, s.source(&r.Request))
	}
	oldest, newest := int64(1), int64(0)
	var err error
	if r.From.IsZero() || r.To.IsZero() {
		if oldest, newest, err = s.ends(ctx, &r.Request, parts); err != nil {
			return search.Histogram{}, err
		}
	}
	h := search.NewHistogram(&r, oldest, newest)
	sum, err := s.tally(ctx, &r.Request, parts, "lm_over_time(time, severity, ?, ?)", []any{h.From, h.Step}, func(_ *file, t tally) {
		for key, count := range t[0] {
			h.Add(h.From+floorDiv(key, 8)*h.Step, int(key-floorDiv(key, 8)*8), count)
		}
	})
	h.Sum = sum
	return h, err
}

// part is what is to be counted of one file.
type part struct {
	file *file
	narrowing
}

// What comes before the counting, for which there is Deadline, is quick, or done
// without.
const (
	narrowFor = 2 * time.Second
	endsFor   = 3 * time.Second
)

// exactly returns what of the files matches, newest file first; false means that
// SQL cannot tell.
func (s *Store) exactly(ctx context.Context, r *search.Request) (parts []part, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, narrowFor) // SQL cannot tell in time, then
	defer cancel()
	from, to := bounds(r)
	for _, f := range s.all() {
		held := f.held()
		if held.rows == 0 || held.max < from || held.min >= to && to != math.MaxInt64 {
			continue
		}
		q, possible := narrow(ctx, r, &f.values)
		if possible && !q.exact {
			return nil, false
		}
		if possible {
			parts = append(parts, part{f, q})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.file.held().max, a.file.held().max) })
	return parts, true
}

// defaultCountWindow is how many rows one statement counts: what was counted before
// the deadline counts.
const defaultCountWindow = 200_000

// tally calls see with what the aggregate function call gives for the matches in
// the parts, a window of rows at a time, the newest of each file first. At the
// deadline it stops.
func (s *Store) tally(ctx context.Context, r *search.Request, parts []part, call string, args []any, see func(*file, tally)) (sum search.Sum, err error) {
	limited, cancel := context.WithTimeout(ctx, search.Deadline)
	defer cancel()
	from, to := bounds(r)
	sum.TotalIs = search.Exact
	for _, p := range parts {
		below := to
		for more := true; more && err == nil; {
			more, err = p.file.tally(limited, &p.narrowing, s.countWindow, from, &below, call, args, func(n int64, t tally) {
				sum.Counted += n
				see(p.file, t)
			})
		}
		switch {
		case err == nil, errors.Is(err, errGone):
			err = nil
		case ctx.Err() != nil:
			return sum, ctx.Err()
		case limited.Err() != nil:
			sum.Partial, sum.TotalIs = true, search.AtLeast
			return sum, nil
		default:
			s.damaged(p.file, err)
			return sum, fmt.Errorf("count in index %s: %w", p.file.name, err)
		}
	}
	return sum, nil
}

// tally counts the rows of one window that ends below a time, and sets that to
// where the window begins. It returns false when there is no further one.
func (f *file) tally(ctx context.Context, q *narrowing, window int, from int64, below *int64, call string, args []any, see func(n int64, t tally)) (more bool, err error) {
	f.use.RLock()
	defer f.use.RUnlock()
	if f.gone {
		return false, errGone
	}
	const table = " FROM record INDEXED BY by_time WHERE time BETWEEN ? AND ?"
	last := *below
	if last != math.MaxInt64 { // which is included
		if last <= from {
			return false, nil
		}
		last--
	}
	least := from
	err = f.read.QueryRowContext(ctx, "SELECT time"+table+" ORDER BY time DESC LIMIT 1 OFFSET ?", from, last, window).Scan(&least)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	more = err == nil
	var n int64
	var text sql.NullString
	all := append(append(append([]any(nil), args...), least, last), q.args...)
	if err := f.read.QueryRowContext(ctx, "SELECT count(*), "+call+table+q.where, all...).Scan(&n, &text); err != nil {
		return false, err
	}
	*below = least
	if n == 0 {
		return more, nil
	}
	var t tally
	if err := json.Unmarshal([]byte(text.String), &t); err != nil {
		return false, fmt.Errorf("%s: %w", call, err)
	}
	see(n, t)
	return more, nil
}

// ends returns the times of the oldest and the newest match in ms; without one
// the former is the greater. When few records match it may be the time of all.
func (s *Store) ends(ctx context.Context, r *search.Request, parts []part) (oldest, newest int64, err error) {
	limited, cancel := context.WithTimeout(ctx, endsFor)
	defer cancel()
	oldest, newest = math.MaxInt64, math.MinInt64
	from, to := bounds(r)
	if to != math.MaxInt64 {
		to--
	}
	for _, p := range parts {
		for _, end := range []string{"", " DESC"} {
			at, ok, err := p.file.end(limited, &p.narrowing, from, to, end)
			switch {
			case ctx.Err() != nil:
				return 0, 0, ctx.Err()
			case limited.Err() != nil:
				held := p.file.held()
				oldest, newest = min(oldest, max(held.min, from)), max(newest, min(held.max, to))
			case err != nil:
				s.damaged(p.file, err)
				return 0, 0, fmt.Errorf("count in index %s: %w", p.file.name, err)
			case ok:
				oldest, newest = min(oldest, at), max(newest, at)
			}
		}
	}
	if oldest > newest {
		return 1, 0, nil
	}
	return floorDiv(oldest, 1e6), floorDiv(newest, 1e6), nil
}

// end is the time of the first match in an order.
func (f *file) end(ctx context.Context, q *narrowing, from, to int64, order string) (at int64, ok bool, err error) {
	f.use.RLock()
	defer f.use.RUnlock()
	if f.gone {
		return 0, false, nil
	}
	err = f.read.QueryRowContext(ctx, "SELECT time FROM record INDEXED BY by_time WHERE time BETWEEN ? AND ?"+q.where+" ORDER BY time"+order+" LIMIT 1",
		append([]any{from, to}, q.args...)...).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return at, err == nil, err
}
