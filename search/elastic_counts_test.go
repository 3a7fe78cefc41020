package search_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lagermeister/search"
)

const headerCaps = `{"fields":{"@timestamp":{"date_nanos":{"searchable":true}},"log.syslog.severity.code":{"long":{"searchable":true}},"process.pid":{"long":{"searchable":true}},` +
	`"host.name":{"keyword":{"searchable":true}},"log.logger":{"keyword":{"searchable":true}},"event.dataset":{"keyword":{"searchable":true}}}}`

func TestTheEngineCountsWhatItCanTell(t *testing.T) {
	t.Parallel()
	fake := &fakeElastic{caps: headerCaps, hits: []string{
		`{"hits":{"total":{"value":40000},"hits":[]},"aggregations":{"doubtful":{"doc_count":0},` +
			`"a":{"doc_count_error_upper_bound":0,"sum_other_doc_count":2,"buckets":[{"key":3,"doc_count":39998}]},` +
			`"b":{"doc_count_error_upper_bound":0,"sum_other_doc_count":0,"buckets":[{"key":"h","doc_count":39000},{"key":"","doc_count":1000}]}}}`,
		`{"hits":{"total":{"value":7},"hits":[]},"aggregations":{"doubtful":{"doc_count":0},"oldest":{"value":1000.0},"newest":{"value":2500.0}}}`,
		`{"hits":{"total":{"value":7},"hits":[]},"aggregations":{"doubtful":{"doc_count":0},"time":{"buckets":[{"key":1000,"severity":{"buckets":[` +
			strings.TrimSuffix(strings.Repeat(`{"doc_count":0},`, 7), ",") + `,{"doc_count":7}]}}]}}}`,
	}}
	store := fake.start(t, search.ElasticConfig{})
	spec := search.Request{Spec: mustParse(t, `Severity <= 3.5 && Hostname != "x"`)}
	facets, err := store.Facets(t.Context(), search.FacetRequest{Request: spec, Fields: fields(t, "Severity", "Hostname")})
	want := `{"facets":[{"field":"Severity","values":[["3",39998]],"other":2},{"field":"Hostname","values":[["h",39000],["",1000]],"other":0}],"counted":40000,"total_is":"exact","partial":false,"took_ms":0}`
	if got, _ := json.Marshal(facets); err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	query, _ := json.Marshal(fake.bodies[1]["query"])
	for _, part := range []string{`{"range":{"log.syslog.severity.code":{"lte":3}}}`, `"must_not":[{"term":{"host.name":{"value":"x"}}}]`, `{"term":{"_ignored":{"value":"host.name"}}}`} {
		if !strings.Contains(string(query), part) {
			t.Errorf("query %s has no %s", query, part)
		}
	}
	h, err := store.Histogram(t.Context(), search.HistogramRequest{Buckets: 2})
	want = `{"from":1000,"to":3000,"step_ms":1000,"buckets":[[0,0,0,0,0,0,0,7],[0,0,0,0,0,0,0,0]],"counted":7,"total_is":"exact","partial":false,"took_ms":0}`
	if got, _ := json.Marshal(h); err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestWhatTheEngineCannotTellIsLookedAt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec, field, caps string
		doubt             string // an answer with documents that were repaired
		restricted        bool
	}{
		{spec: `Hostname =~ /x/`, caps: headerCaps}, {spec: `Logger == ""`, caps: headerCaps}, {spec: `Fields[a] == 1`, caps: headerCaps}, {spec: `Timestamp > 5`, caps: headerCaps},
		{spec: `Severity < 1e300`, caps: headerCaps}, {spec: `Severity == 1` + strings.Repeat(" || Pid == 1", 80), caps: headerCaps},
		{spec: `Severity < 5`, caps: headerCaps, restricted: true},
		{field: "Type", caps: strings.Replace(headerCaps, `"event.dataset":{"keyword"`, `"event.dataset":{"text"`, 1)},
		{field: "Fields[a*]", caps: headerCaps}, {field: "Fields[n]", caps: strings.Replace(headerCaps, "process.pid", "heka.n", 1)},
		{spec: `Severity == 3`, caps: headerCaps, doubt: `{"hits":{"total":{"value":1},"hits":[]},"aggregations":{"doubtful":{"doc_count":1},"a":{"buckets":[]}}}`},
	} {
		doc := `{"host.name":"x","log.syslog.severity.code":3,"event.dataset":"t","heka.a":1,"heka.a*":"t","heka.n":5}`
		fake := &fakeElastic{caps: c.caps}
		if c.doubt != "" {
			fake.hits = []string{c.doubt}
		}
		fake.hits = append(fake.hits, `{"hits":{"hits":[`+hit(1, doc)+`]}}`)
		r := search.FacetRequest{}
		if c.spec != "" {
			r.Spec = mustParse(t, c.spec)
		}
		if c.field != "" {
			r.Fields = fields(t, c.field)
		}
		got, err := fake.start(t, search.ElasticConfig{Restricted: c.restricted}).Facets(t.Context(), r)
		if err != nil || len(fake.hits) != 0 || got.Counted > 1 {
			t.Errorf("%+v: %+v, %v; %d answers left", c, got, err, len(fake.hits))
		}
	}
}

func TestCountedClausesSayExactlyWhatTheSpecSays(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		`TRUE`: `null`, `FALSE`: `{"match_none":{}}`,
		`Severity == 3`:                      `{"range":{"log.syslog.severity.code":{"gte":3,"lte":3}}}`,
		`Severity == 7`:                      `{"bool":{"minimum_should_match":1,"should":[{"range":{"log.syslog.severity.code":{"gte":7,"lte":7}}},{"bool":{"must_not":[{"exists":{"field":"log.syslog.severity.code"}}]}}]}}`,
		`Severity == 3.5`:                    `{"match_none":{}}`,
		`Severity != 3.5`:                    `null`,
		`Severity != 3`:                      `{"bool":{"must_not":[{"range":{"log.syslog.severity.code":{"gte":3,"lte":3}}}]}}`,
		`Severity < 3`:                       `{"range":{"log.syslog.severity.code":{"lte":2}}}`,
		`Severity < 2.5`:                     `{"range":{"log.syslog.severity.code":{"lte":2}}}`,
		`Severity <= 2.5`:                    `{"range":{"log.syslog.severity.code":{"lte":2}}}`,
		`Pid < 2.5`:                          `{"bool":{"minimum_should_match":1,"should":[{"range":{"process.pid":{"lte":2}}},{"bool":{"must_not":[{"exists":{"field":"process.pid"}}]}}]}}`,
		`Pid > 2`:                            `{"range":{"process.pid":{"gte":3}}}`,
		`Pid >= 2.5`:                         `{"range":{"process.pid":{"gte":3}}}`,
		`Type == "a"`:                        `{"term":{"event.dataset":{"value":"a"}}}`,
		`Type > "a"`:                         `no`,
		`Type == "a\ufffdb"`:                 `no`,
		`Uuid == "a"`:                        `no`,
		`Type == "a" && (Pid == 1 || FALSE)`: `{"bool":{"filter":[{"term":{"event.dataset":{"value":"a"}}},{"range":{"process.pid":{"gte":1,"lte":1}}}]}}`,
	} {
		got, ok := search.CompileExactly(mustParse(t, strings.ReplaceAll(spec, `\ufffd`, "\ufffd")))
		text, _ := json.Marshal(got)
		if !ok {
			text = []byte("no")
		}
		if string(text) != want {
			t.Errorf("%s:\ngot  %s\nwant %s", spec, text, want)
		}
	}
}
