package search

import (
	"context"
	"strconv"
	"time"
)

// Limits of a histogram.
const (
	DefaultBuckets = 60
	MaxBuckets     = 200
)

// HistogramRequest asks how many records match, over time and by severity.
type HistogramRequest struct {
	Request // without Limit and Cursor

	Buckets int // at most so many; 0: DefaultBuckets, at most MaxBuckets
}

// Histogram is the answer. Bucket i holds the records of the time from
// From + i*Step to less than Step later. The first begins at or before the From
// that was asked for, the last ends at To, at or behind the one asked for; what
// lies outside of what was asked for is not counted in them. Without a From or a
// To in the question it is the time of the oldest or the newest match (of those
// looked at, when the answer is partial).
//
// Steps are round numbers, and buckets begin at multiples of them since 1970, so
// that pictures of a moving span have the same buckets.
type Histogram struct {
	From    int64    `json:"from"`    // Unix time in ms
	To      int64    `json:"to"`      // Unix time in ms
	Step    int64    `json:"step_ms"` // 1 or more
	Buckets []Bucket `json:"buckets"` // none when nothing matches and a bound is open
	Sum
}

// Bucket is how many records there are of each severity from 0 to 7. What is
// beyond counts as the nearest of these.
type Bucket [8]int64

// Validate fills in what is not given and checks the rest.
func (r *HistogramRequest) Validate() error {
	switch {
	case r.Buckets == 0:
		r.Buckets = DefaultBuckets
	case r.Buckets < 0 || r.Buckets > MaxBuckets:
		return &ParameterError{Parameter: "buckets", Reason: strconv.Itoa(r.Buckets) + " is not between 1 and " + strconv.Itoa(MaxBuckets)}
	}
	return r.Request.validate()
}

// NewHistogram returns an empty histogram for the span of r. Where r has no bound
// it takes oldest and newest, the times of matches, in ms; oldest > newest means
// that there is none.
func NewHistogram(r *HistogramRequest, oldest, newest int64) Histogram {
	from, to := oldest, newest+1
	if !r.From.IsZero() {
		from = milliseconds(r.From)
	}
	if !r.To.IsZero() {
		to = milliseconds(r.To.Add(time.Millisecond - 1)) // a bound inside of a millisecond
	}
	none := oldest > newest && (r.From.IsZero() || r.To.IsZero())
	if none {
		from = 0
	}
	if none || to <= from {
		return Histogram{From: from, To: from, Step: 1, Buckets: []Bucket{}, Sum: Sum{TotalIs: Exact}}
	}
	step := stepFor(from, to, int64(r.Buckets))
	h := Histogram{From: floorDiv(from, step) * step, Step: step, Sum: Sum{TotalIs: Exact}}
	n := -floorDiv(h.From-to, step)
	h.To = h.From + n*step
	h.Buckets = make([]Bucket, n)
	return h
}

// Add counts n records of a time in ms. A time outside of the span, which a
// document can have that lacks its own, counts at its end.
func (h *Histogram) Add(ms int64, severity int, n int64) {
	if len(h.Buckets) == 0 {
		return
	}
	i := min(max(floorDiv(ms-h.From, h.Step), 0), int64(len(h.Buckets)-1))
	h.Buckets[i][min(max(severity, 0), 7)] += n
}

// steps that are round, in ms.
var steps = func() (list []int64) {
	const second, minute, hour, day = 1000, 60_000, 3_600_000, 86_400_000
	list = []int64{1, 2, 5, 10, 20, 50, 100, 200, 500}
	for _, unit := range []struct {
		ms    int64
		times []int64
	}{{second, []int64{1, 2, 5, 10, 15, 30}}, {minute, []int64{1, 2, 5, 10, 15, 30}}, {hour, []int64{1, 2, 3, 6, 12}}, {day, []int64{1, 2, 7, 14, 30, 90, 365}}} {
		for _, n := range unit.times {
			list = append(list, n*unit.ms)
		}
	}
	return list
}()

// stepFor is the shortest step with which n buckets cover from..to.
func stepFor(from, to, n int64) int64 {
	covers := func(step int64) bool { return -floorDiv(-to, step)-floorDiv(from, step) <= n }
	for _, step := range steps {
		if covers(step) {
			return step
		}
	}
	step := steps[len(steps)-1]
	for !covers(step) && step < 1<<50 { // a single bucket may not reach over 1970
		step *= 2
	}
	return step
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// milliseconds is Unix time between the years 0 and 9999.
func milliseconds(t time.Time) int64 {
	const first, last = -62_167_219_200_000, 253_402_300_800_000
	return min(max(t.Unix()*1000+int64(t.Nanosecond()/1e6), first), last)
}

// CountHistogram answers r, which has been validated, from the candidates in src:
// it looks at each of the newest MaxExamined within Deadline.
func CountHistogram(ctx context.Context, r HistogramRequest, src Source) (Histogram, error) {
	type match struct {
		ms       int64
		severity int
	}
	var matches []match
	oldest, newest := int64(1), int64(0)
	sum, err := examine(ctx, &r.Request, src, Deadline, func(row *Row) {
		m := match{severity: readMembers(row.Record.Doc).severity()}
		if !row.Record.Time.IsZero() { // a document without a time stands at 1970
			m.ms = milliseconds(row.Record.Time)
		}
		if len(matches) == 0 {
			oldest, newest = m.ms, m.ms
		}
		oldest, newest = min(oldest, m.ms), max(newest, m.ms)
		matches = append(matches, m)
	})
	if err != nil {
		return Histogram{}, err
	}
	h := NewHistogram(&r, oldest, newest)
	h.Sum = sum
	for _, m := range matches {
		h.Add(m.ms, m.severity, 1)
	}
	return h, nil
}
