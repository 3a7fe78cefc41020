package searchtest

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lagermeister/heka"
	"lagermeister/search"
)

// counts asks for facets and histogram of what ask has found, and compares them
// with the messages: a count that claims to be exact must be, another one is not
// less.
func counts(t *testing.T, store search.Store, r search.Request, e *expected, f *found) {
	t.Helper()
	var want []*heka.Message
	for _, m := range e.messages {
		if e.want(m) {
			want = append(want, m)
		}
	}
	facets(t, store, r, []string{"Severity", "Hostname", "Logger", "Type"}, e.what, want, f)
	if r.Spec == nil || strings.Contains(e.what, "twice") {
		facets(t, store, r, []string{"Type", "Fields[foo]", "Fields[twice]"}, e.what, want, f)
	}
	histogram(t, store, r, e.what, want, f)
}

func facets(t *testing.T, store search.Store, r search.Request, names []string, what string, want []*heka.Message, f *found) {
	t.Helper()
	request := search.FacetRequest{Request: r, Size: search.MaxFacetSize}
	for _, name := range names {
		field, err := search.ParseField(name)
		if err != nil {
			t.Fatal(err)
		}
		request.Fields = append(request.Fields, field)
	}
	got, err := store.Facets(context.Background(), request)
	if err != nil || len(got.Facets) != len(names) {
		t.Errorf("%s: facets %v: %+v, %v", what, names, got, err)
		return
	}
	checkSum(t, what+": facets", &got.Sum, len(want), f)
	for i, facet := range got.Facets {
		counts, other := map[string]int64{}, int64(0)
		for _, m := range want {
			for _, text := range texts(m, names[i]) {
				if len(text) > search.MaxFacetValue {
					other++
				} else {
					counts[text]++
				}
			}
		}
		if facet.Field != names[i] {
			t.Errorf("%s: facet %s where %s was asked for", what, facet.Field, names[i])
		}
		listed := map[string]int64{}
		for j, v := range facet.Values {
			listed[v.Text] = v.Count
			if j > 0 && v.Count > facet.Values[j-1].Count {
				t.Errorf("%s: %s is not sorted: %v", what, facet.Field, facet.Values)
			}
		}
		if got.TotalIs == search.Exact {
			if !maps.Equal(listed, counts) || facet.Other != other {
				t.Errorf("%s: %s is %v and %d others\nwant %v and %d", what, facet.Field, listed, facet.Other, counts, other)
			}
			continue
		}
		for text, n := range counts {
			if listed[text] < n {
				t.Errorf("%s: %s has %q %d times, want %d at least", what, facet.Field, text, listed[text], n)
			}
		}
	}
}

// texts are the values of one message, as a document shows them.
func texts(m *heka.Message, name string) (list []string) {
	valid := func(b []byte) []string { return []string{string([]rune(string(b)))} }
	switch name {
	case "Severity":
		return []string{strconv.Itoa(int(m.Severity))}
	case "Hostname":
		return valid(m.Hostname)
	case "Logger":
		return valid(m.Logger)
	case "Type":
		return valid(m.Type)
	}
	for i := range m.NumFields() {
		field := m.Field(i)
		if "Fields["+string(field.Name)+"]" != name {
			continue
		}
		for _, v := range field.Values() {
			switch field.Type {
			case heka.StringType:
				list = append(list, valid(v.Bytes)...)
			case heka.BytesType:
				list = append(list, base64.StdEncoding.EncodeToString(v.Bytes))
			case heka.IntegerType:
				list = append(list, strconv.FormatInt(v.Int, 10))
			case heka.BoolType:
				list = append(list, strconv.FormatBool(v.Bool))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// histogram checks all sums, and the buckets when each match has a time that all
// stores know.
func histogram(t *testing.T, store search.Store, r search.Request, what string, want []*heka.Message, f *found) {
	t.Helper()
	got, err := store.Histogram(context.Background(), search.HistogramRequest{Request: r, Buckets: 150})
	if err != nil || len(got.Buckets) > 151 || got.Step < 1 || got.To-got.From != int64(len(got.Buckets))*got.Step {
		t.Errorf("%s: histogram %+v, %v", what, got, err)
		return
	}
	checkSum(t, what+": histogram", &got.Sum, len(want), f)
	var sums, wantSums search.Bucket
	total := int64(0)
	for _, b := range got.Buckets {
		for i, n := range b {
			sums[i] += n
			total += n
		}
	}
	if total != got.Counted {
		t.Errorf("%s: %d in the buckets, %d counted", what, total, got.Counted)
	}
	dated := got.TotalIs == search.Exact
	buckets := make([]search.Bucket, len(got.Buckets))
	for _, m := range want {
		severity := min(max(m.Severity, 0), 7)
		wantSums[severity]++
		i := (m.Timestamp/1e6 - got.From) / got.Step
		if dated = dated && m.HasTimestamp && m.Timestamp >= 0; dated && i >= 0 && i < int64(len(buckets)) {
			buckets[i][severity]++
		}
	}
	for i := range sums {
		if sums[i] < wantSums[i] || got.TotalIs == search.Exact && sums[i] != wantSums[i] {
			t.Errorf("%s: histogram has %v by severity, want %v", what, sums, wantSums)
			break
		}
	}
	if dated && !slices.Equal(buckets, got.Buckets) {
		t.Errorf("%s: histogram from %d by %d:\ngot  %v\nwant %v", what, got.From, got.Step, got.Buckets, buckets)
	}
}

func checkSum(t *testing.T, what string, sum *search.Sum, want int, f *found) {
	t.Helper()
	counted := int(sum.Counted)
	switch {
	case sum.Partial, sum.TotalIs != search.Exact && sum.TotalIs != search.AtLeast:
		t.Errorf("%s: %+v", what, *sum)
	case sum.TotalIs == search.Exact && counted != want, counted < want, counted > len(f.numbers):
		t.Errorf("%s: %d counted (%s), %d match and %d are found", what, counted, sum.TotalIs, want, len(f.numbers))
	case sum.TotalIs != search.Exact && f.totalIs == search.Exact && f.exact:
		t.Errorf("%s: %s, but search is exact", what, sum.TotalIs)
	}
}
