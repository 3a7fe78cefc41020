package search_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lagermeister/search"
)

// A null query is everything: nothing can be said, so all is asked for.
func TestQueriesFindAtLeastTheMatches(t *testing.T) {
	t.Parallel()
	const (
		all      = `null`
		none     = `{"match_none":{}}`
		long     = `{"term":{"_ignored":{"value":"F"}}}`
		noIndex  = `{"bool":{"must_not":[{"exists":{"field":"F"}}]}}`
		longWord = `{"regexp":{"message":{"value":".{120,255}"}}}`
	)
	any := func(list ...string) string {
		return `{"bool":{"minimum_should_match":1,"should":[` + strings.Join(list, ",") + `]}}`
	}
	of := func(field, clause string) string { return strings.ReplaceAll(clause, "F", field) }
	for _, c := range []struct{ spec, elasticsearch, openSearch string }{
		{`TRUE`, all, ""},
		{`FALSE`, none, ""},
		{`FALSE && Type == "x"`, none, ""},
		{`TRUE || Type == "x"`, all, ""},
		{`Type == "x"`, `{"term":{"event.dataset":{"value":"x"}}}`, ""},
		{`Type == "x" && TRUE`, `{"term":{"event.dataset":{"value":"x"}}}`, ""},
		{`Type == ""`, any(of("event.dataset", noIndex), `{"term":{"event.dataset":{"value":""}}}`), ""},
		{`Type != "x"`, `{"bool":{"must_not":[{"term":{"event.dataset":{"value":"x"}}}]}}`, ""},
		{"Type != \"\uFFFD\"", all, ""},
		{`Type == "` + strings.Repeat("x", 9000) + `"`, all, ""},
		{`Type > "x"`, all, ""},
		{`Type !~ /x/`, all, ""},
		{`Type =~ /a*/`, all, ""},
		{`Type =~ /(?i)x/`, all, ""},
		{
			`Type =~ /^a\*b.c/`,
			any(`{"bool":{"filter":[{"wildcard":{"event.dataset":{"value":"*a\\*b*"}}},{"wildcard":{"event.dataset":{"value":"*c*"}}}]}}`, of("event.dataset", long)),
			any(`{"bool":{"filter":[{"wildcard":{"event.dataset":{"value":"*a\\*b*"}}},{"wildcard":{"event.dataset":{"value":"*c*"}}}]}}`, of("event.dataset", noIndex)),
		},
		{`Logger == "x"`, all, ""}, // mapped in two ways
		{`Severity <= 3`, any(`{"range":{"log.syslog.severity.code":{"lte":3}}}`, of("log.syslog.severity.code", noIndex)), ""},
		{`Pid > 5.5`, any(`{"range":{"process.pid":{"gte":5}}}`, of("process.pid", noIndex)), ""},
		{`Pid != 5`, all, ""},
		{`Timestamp < 5`, all, ""},
		{`Timestamp >= 0`, all, ""},
		{`Timestamp >= 1500000000000000000`, `{"range":{"@timestamp":{"gte":"2017-07-14T02:39:59.999999744Z"}}}`, ""},
		{`Payload == "a timed-out x"`, any(`{"bool":{"filter":[{"wildcard":{"message":{"value":"*timed*"}}},{"wildcard":{"message":{"value":"*out*"}}}]}}`, longWord), ""},
		{`Payload =~ /Über .* 本/`, any(`{"wildcard":{"message":{"value":"*über*"}}}`, longWord), ""},
		{`Payload =~ /x|y/`, all, ""},
		{`Payload !~ /timed/`, all, ""},
		{`Fields[num] == 5`, any(`{"range":{"heka.num":{"gte":5,"lte":5}}}`, of("heka.num", long)), `{"range":{"heka.num":{"gte":5,"lte":5}}}`},
		{`Fields[num] == 5.5`, any(`{"range":{"heka.num":{"gte":5,"lte":6}}}`, of("heka.num", long)), `{"range":{"heka.num":{"gte":5,"lte":6}}}`},
		{`Fields[num] == 9007199254740992`, any(`{"range":{"heka.num":{"gte":9007199254740991,"lte":9007199254740994}}}`, of("heka.num", long)), `{"range":{"heka.num":{"gte":9007199254740991,"lte":9007199254740994}}}`},
		{`Fields[num] > 1e30`, all, ""},
		{`Fields[frac] > .5`, any(`{"range":{"heka.frac":{"gte":0}}}`, of("heka.frac", noIndex), of("heka.frac", long)), any(`{"range":{"heka.frac":{"gte":0}}}`, of("heka.frac", noIndex))},
		{`Fields[num] != 5`, all, ""},
		{`Fields[mixed] > 5`, all, ""},
		{`Fields[mixed] == 5`, any(`{"exists":{"field":"heka.mixed"}}`, of("heka.mixed", long)), `{"exists":{"field":"heka.mixed"}}`},
		{`Fields[word] == "data"`, any(`{"terms":{"heka.word":["data","ZGF0YQ=="]}}`, of("heka.word", long)), `{"terms":{"heka.word":["data","ZGF0YQ=="]}}`},
		{`Fields[word] != "data"`, any(`{"exists":{"field":"heka.word"}}`, of("heka.word", long)), all},
		{`Fields[word] =~ /x/`, any(`{"exists":{"field":"heka.word"}}`, of("heka.word", long)), all},
		{`Fields[word] == NIL`, all, ""},
		{`Fields[word] != NIL`, all, ""}, // it could be a null
		{`Fields[flag] == TRUE`, any(`{"term":{"heka.flag":{"value":"true"}}}`, of("heka.flag", long)), `{"term":{"heka.flag":{"value":"true"}}}`},
		{`Fields[unknown] == 5`, any(`{"exists":{"field":"heka.unknown"}}`, of("heka.unknown", long)), `{"exists":{"field":"heka.unknown"}}`},
		{`Fields[a*] == 5`, all, ""},
		{`Fields[a..b] == "x"`, any(`{"exists":{"field":"heka.a._.b"}}`, of("heka.a._.b", long)), `{"exists":{"field":"heka.a._.b"}}`},
	} {
		if c.openSearch == "" {
			c.openSearch = c.elasticsearch
		}
		spec := mustParse(t, c.spec)
		for _, engine := range []struct {
			ignored bool
			want    string
		}{{true, c.elasticsearch}, {false, c.openSearch}} {
			got, err := json.Marshal(search.CompileQuery(spec, engine.ignored, false))
			if err != nil || string(got) != engine.want {
				t.Errorf("%.60s (_ignored %v):\n got %s\nwant %s", c.spec, engine.ignored, got, engine.want)
			}
		}
	}
}

func TestRestrictedDocumentsMayLackWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	got, _ := json.Marshal(search.CompileQuery(mustParse(t, `Type == "x"`), true, true))
	want := `{"bool":{"minimum_should_match":1,"should":[{"term":{"event.dataset":{"value":"x"}}},{"bool":{"must_not":[{"exists":{"field":"event.dataset"}}]}}]}}`
	if string(got) != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
}

// Engines refuse queries of more than 1024 clauses or 30 levels.
func TestHugeSpecsBecomeQueriesAnEngineTakes(t *testing.T) {
	t.Parallel()
	many := `Hostname == "h"` + strings.Repeat(` || Hostname == "h"`, 2000)
	if got := search.CompileQuery(mustParse(t, many), true, false); levels(t, got) > 1 {
		t.Errorf("%d levels for a list that is too long", levels(t, got))
	}
	deep := strings.Repeat(`(Type == "a" && (Type == "b" || `, 90) + `TRUE` + strings.Repeat(`))`, 90)
	deep = strings.Replace(deep, "TRUE", `Type == "c"`, 1)
	if got := levels(t, search.CompileQuery(mustParse(t, deep), true, false)); got > 2*12 {
		t.Errorf("%d levels", got)
	}
	both, _ := json.Marshal(search.CompileQuery(mustParse(t, `Type == "x" && (`+many+`)`), true, false))
	if string(both) != `{"term":{"event.dataset":{"value":"x"}}}` {
		t.Errorf("the part that can be said is lost: %.200s", both)
	}
}

// levels counts the bool queries inside one another.
func levels(t *testing.T, query any) int {
	raw, err := json.Marshal(query)
	if err != nil {
		t.Fatal(err)
	}
	depth, most := 0, 0
	for _, c := range raw {
		switch c {
		case '{':
			depth++
			most = max(most, depth)
		case '}':
			depth--
		}
	}
	return most / 2
}
