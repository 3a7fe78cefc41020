package search

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
)

// About is part of Store.
func (e *Elastic) About() About {
	var hosts []string
	for _, n := range e.nodes {
		hosts = append(hosts, n.name)
	}
	return About{Kind: KindElasticsearch, Detail: e.config.Index + " at " + strings.Join(hosts, ", ")}
}

// Facets is part of Store. The engine counts where it can tell which documents
// match, and otherwise, or when a field is no keyword there, the newest
// candidates are looked at.
func (e *Elastic) Facets(ctx context.Context, r FacetRequest) (Facets, error) {
	if err := r.Validate(); err != nil {
		return Facets{}, err
	}
	src := &elasticSource{Elastic: e, request: r.Request}
	names := make([]string, len(r.Fields))
	kinds := make([][]string, len(r.Fields))
	aggregations := clause{}
	for i, f := range r.Fields {
		names[i], kinds[i] = documentField(&f.test), []string{"keyword"}
		terms := clause{"field": names[i], "size": r.Size, "shard_size": 1000 + r.Size, "order": []clause{{"_count": "desc"}, {"_key": "asc"}}}
		switch v, header := f.Header(); {
		case v == matcher.VarSeverity:
			kinds[i] = []string{"long"}
			terms["missing"], terms["value_type"] = heka.DefaultSeverity, "long"
		case header:
			terms["missing"] = ""
		}
		aggregations[string(rune('a'+i))] = clause{"terms": terms}
	}
	var found map[string]struct {
		Error   int64 `json:"doc_count_error_upper_bound"`
		Other   int64 `json:"sum_other_doc_count"`
		Buckets []struct {
			Key   any
			Count int64 `json:"doc_count"`
		}
	}
	sum, ok, err := src.count(ctx, names, kinds, aggregations, &found)
	if err != nil {
		return Facets{}, err
	}
	if !ok {
		return CountFacets(ctx, r, src)
	}
	answer := Facets{Sum: sum}
	for i, f := range r.Fields {
		one := found[string(rune('a'+i))]
		if one.Error > 0 {
			answer.TotalIs = AtLeast
		}
		counts := Counts{}
		for _, b := range one.Buckets {
			text, isText := b.Key.(string)
			if !isText {
				raw, _ := json.Marshal(b.Key) // it came as JSON
				text = string(raw)
			}
			counts[text] += b.Count
		}
		answer.Facets = append(answer.Facets, counts.Facet(f, r.Size, one.Other))
	}
	return answer, nil
}

// Histogram is part of Store. As everywhere in this store, what is older than 1970
// has no time in the index and counts as from then.
func (e *Elastic) Histogram(ctx context.Context, r HistogramRequest) (Histogram, error) {
	if err := r.Validate(); err != nil {
		return Histogram{}, err
	}
	src := &elasticSource{Elastic: e, request: r.Request}
	severity := documentFields[matcher.VarSeverity]
	names, kinds := []string{"@timestamp", severity}, [][]string{{"date_nanos", "date"}, {"long"}}
	oldest, newest := int64(1), int64(0)
	if r.From.IsZero() || r.To.IsZero() {
		var ends map[string]struct{ Value *float64 }
		sum, ok, err := src.count(ctx, names, kinds, clause{
			"oldest": clause{"min": clause{"field": "@timestamp", "missing": 0}}, "newest": clause{"max": clause{"field": "@timestamp", "missing": 0}},
		}, &ends)
		switch {
		case err != nil:
			return Histogram{}, err
		case !ok:
			return CountHistogram(ctx, r, src)
		case sum.Partial, ends["oldest"].Value == nil || ends["newest"].Value == nil || sum.Counted == 0:
			h := NewHistogram(&r, 1, 0)
			h.Sum = sum
			return h, nil
		}
		oldest, newest = int64(*ends["oldest"].Value), int64(*ends["newest"].Value)
	}
	h := NewHistogram(&r, oldest, newest)
	var ranges []clause // as a Bucket has them
	const last = len(Bucket{}) - 1
	for i := range last + 1 {
		one := clause{"from": i, "to": i + 1}
		switch i {
		case 0:
			delete(one, "from")
		case last:
			delete(one, "to")
		}
		ranges = append(ranges, one)
	}
	var found struct {
		Time struct {
			Buckets []struct {
				Key      float64
				Severity struct {
					Buckets []struct {
						Count int64 `json:"doc_count"`
					}
				}
			}
		}
	}
	sum, ok, err := src.count(ctx, names, kinds, clause{"time": clause{
		"date_histogram": clause{"field": "@timestamp", "missing": 0, "fixed_interval": strconv.FormatInt(h.Step, 10) + "ms", "min_doc_count": 1},
		"aggs":           clause{"severity": clause{"range": clause{"field": severity, "missing": heka.DefaultSeverity, "ranges": ranges}}},
	}}, &found)
	if err != nil {
		return Histogram{}, err
	}
	if !ok {
		return CountHistogram(ctx, r, src)
	}
	h.Sum = sum
	for _, b := range found.Time.Buckets {
		for i, s := range b.Severity.Buckets {
			h.Add(int64(b.Key), i, s.Count)
		}
	}
	return h, nil
}

// count has the engine count what matches, within Deadline. The named fields must
// be mapped as one of their kinds. ok is false when the engine cannot tell what
// matches.
func (s *elasticSource) count(ctx context.Context, names []string, kinds [][]string, aggregations clause, found any) (sum Sum, ok bool, err error) {
	limited, cancel := context.WithTimeout(ctx, Deadline)
	defer cancel()
	sum, ok, err = s.countWithin(limited, names, kinds, aggregations, found)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return Sum{TotalIs: AtLeast, Partial: true}, true, nil
	}
	return sum, ok, err
}

func (s *elasticSource) countWithin(ctx context.Context, names []string, kinds [][]string, aggregations clause, found any) (sum Sum, ok bool, err error) {
	exact := exactCompiler{kinds: map[string]string{}}
	query, ok := exact.compile(s.request.Spec.Root(), 0)
	if !ok || len(s.request.Text) > 0 || s.request.Spec != nil && s.config.Restricted {
		return sum, false, nil
	}
	for name, kind := range exact.kinds {
		names, kinds = append(names, name), append(kinds, []string{kind})
	}
	for _, name := range names {
		if strings.ContainsAny(name, "*,?\\") { // patterns and lists to the engines
			return sum, false, nil
		}
	}
	types, ignored, err := s.typesOf(ctx, names)
	if err != nil {
		return sum, false, err
	}
	doubtful := nothing // what the index does not have all of
	for i, name := range names {
		if !types.only(name, kinds[i]...) {
			return sum, false, nil
		}
		doubtful = anyOf(doubtful, allOf(exists("lm.repaired"), absent(name)))
		if ignored && name != "@timestamp" {
			doubtful = anyOf(doubtful, term("_ignored", name))
		}
		if s.config.Restricted {
			doubtful = anyOf(doubtful, absent(name))
		}
	}
	if query = allOf(anyOf(query, doubtful), s.span()); query == nil {
		query = clause{"match_all": clause{}}
	}
	aggregations["doubtful"] = clause{"filter": doubtful}
	var answer struct {
		searchAnswer
		Aggregations json.RawMessage
	}
	body := clause{"size": 0, "query": query, "track_total_hits": true, "aggs": aggregations}
	if _, err := s.do(ctx, "_search?allow_partial_search_results=false", body, &answer); err != nil {
		return sum, false, err
	}
	sum = Sum{Counted: answer.Hits.Total.Value, TotalIs: Exact}
	if answer.Aggregations == nil { // no index
		return sum, true, nil
	}
	var doubts struct {
		Doubtful struct {
			Count int64 `json:"doc_count"`
		}
	}
	if err := json.Unmarshal(answer.Aggregations, &doubts); err != nil {
		return sum, false, err
	}
	if doubts.Doubtful.Count > 0 {
		if s.request.Spec != nil {
			return sum, false, nil
		}
		sum.TotalIs = AtLeast
	}
	return sum, true, json.Unmarshal(answer.Aggregations, found)
}
