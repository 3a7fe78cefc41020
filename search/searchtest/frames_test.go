package searchtest_test

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/search"
	"lagermeister/search/searchtest"
)

// frames is the simplest store: it keeps everything and looks at everything.
type frames struct {
	rows []search.Row
}

func (s *frames) About() search.About { return search.About{} }

func (s *frames) Search(ctx context.Context, r search.Request) (search.Answer, error) {
	return search.Fill(ctx, r, s.in(&r))
}

func (s *frames) Facets(ctx context.Context, r search.FacetRequest) (search.Facets, error) {
	if err := r.Validate(); err != nil {
		return search.Facets{}, err
	}
	return search.CountFacets(ctx, r, s.in(&r.Request))
}

func (s *frames) Histogram(ctx context.Context, r search.HistogramRequest) (search.Histogram, error) {
	if err := r.Validate(); err != nil {
		return search.Histogram{}, err
	}
	return search.CountHistogram(ctx, r, s.in(&r.Request))
}

func (s *frames) Find(_ context.Context, id string) (search.Found, error) {
	for _, row := range s.rows {
		if row.Record.ID == id {
			row.Record.Exact = true
			return search.Found{Record: row.Record}, nil
		}
	}
	return search.Found{}, search.ErrNotFound
}

func (s *frames) Around(_ context.Context, id string, n int) (a search.Around, err error) {
	var m, other heka.Message
	at := slices.IndexFunc(s.rows, func(row search.Row) bool { return row.Record.ID == id })
	if at < 0 || m.Parse(s.rows[at].Body) != nil {
		return a, search.ErrNotFound
	}
	a.Record = s.rows[at].Record
	a.Record.Exact = true
	for i, row := range s.rows {
		if spec := search.SameSource(string(m.Hostname), string(m.Logger)); other.Parse(row.Body) != nil || !spec.Match(&other) {
			continue
		}
		if i < at { // newer
			a.After = append([]search.Record{row.Record}, a.After...)
		} else if i > at && len(a.Before) < n {
			a.Before = append([]search.Record{row.Record}, a.Before...)
		}
	}
	a.After = a.After[:min(n, len(a.After))]
	return a, nil
}

func (s *frames) in(r *search.Request) source {
	var in []search.Row
	for _, row := range s.rows {
		if (r.From.IsZero() || !row.Record.Time.Before(r.From)) && (r.To.IsZero() || row.Record.Time.Before(r.To)) {
			row.After = strconv.Itoa(len(in) + 1)
			in = append(in, row)
		}
	}
	return source(in)
}

type source []search.Row

func (s source) Read(_ context.Context, after string, n int) ([]search.Row, error) {
	start, _ := strconv.Atoi(after)
	return s[start:min(start+n, len(s))], nil
}

func (s source) Count(context.Context) (int64, error) { return int64(len(s)), nil }

func TestAStoreOfFramesPasses(t *testing.T) {
	t.Parallel()
	e, err := encode.New("ecs", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	store := &frames{}
	searchtest.Run(t, store, func(list [][]byte) []int {
		for i, frame := range list {
			m := new(heka.Message)
			if err := m.Parse(frame[int(frame[1])+heka.FramingSize:]); err != nil {
				t.Fatal(err)
			}
			at := time.UnixMilli(1600000000000)
			if m.HasTimestamp {
				at = time.Unix(0, m.Timestamp)
			}
			record := search.Record{ID: strconv.Itoa(i), Time: at, Doc: e.Append(nil, &encode.Record{Message: m})}
			store.rows = append(store.rows, search.Row{Record: record, Body: m.Body})
		}
		slices.SortStableFunc(store.rows, func(a, b search.Row) int { return cmp.Compare(b.Record.Time.UnixNano(), a.Record.Time.UnixNano()) })
		return nil
	})
}
