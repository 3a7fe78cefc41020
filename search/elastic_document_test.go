package search_test

import (
	"encoding/json"
	"testing"
	"time"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/heka/recordid"
	"lagermeister/search"
	"lagermeister/search/searchtest"
)

// Whatever a document says of its message with certainty must be so.
func TestCertainVerdictsAreThoseOfTheMessage(t *testing.T) {
	t.Parallel()
	e, err := encode.New("ecs", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids recordid.Hasher
	verdicts := map[search.Verdict]int{}
	frames := searchtest.Records(t)
	for _, text := range searchtest.Specs(t) {
		r := &search.Request{Spec: mustParse(t, text)}
		for i, frame := range frames {
			var m heka.Message
			if err := m.Parse(frame[int(frame[1])+heka.FramingSize:]); err != nil {
				t.Fatal(err)
			}
			id := ids.Append(nil, &m, "block", i)
			doc := e.Append(nil, &encode.Record{Message: &m, Sequence: 1, Index: i, Cut: time.UnixMilli(1600000000000)})
			want := search.No
			if r.Spec.Match(&m) {
				want = search.Yes
			}
			got := search.DecideDocument(r, false, string(id), doc)
			verdicts[got]++
			if got != want && got != search.Maybe {
				t.Errorf("%s: verdict %d, the message's is %d: %.400s", text, got, want, doc)
			}
		}
	}
	if maybe, all := verdicts[search.Maybe], verdicts[search.Yes]+verdicts[search.No]; maybe*50 > all {
		t.Errorf("%d verdicts are Maybe, %d are certain: too many doubts", maybe, all)
	}
}

func TestDoubtfulDocumentsAreMaybe(t *testing.T) {
	t.Parallel()
	const head = `{"host.name":"h","log.syslog.severity.code":7,`
	for _, c := range []struct {
		doc, spec string
		want      search.Verdict
	}{
		{head + `"heka.f":"ZGF0YQ=="}`, `Fields[f] == "data"`, search.Maybe},
		{head + `"heka.f":"ZGF0YQ=="}`, `Fields[f] != "data"`, search.Maybe},
		{head + `"heka.f":"POST"}`, `Fields[f] == "POST"`, search.Yes},
		{head + `"heka.f":"POST"}`, `Fields[f] != "POST"`, search.No},
		{head + `"heka.f":"POST"}`, `Fields[f] != "GET"`, search.Yes},
		{head + `"heka.f":"//4A"}`, `Fields[f] =~ /\x00/`, search.Maybe},
		{head + `"heka.f":null}`, `Fields[f] == NIL`, search.Maybe},
		{head + `"heka.f":null}`, `Fields[f] > 3`, search.Maybe},
		{head + `"heka.f":null}`, `Fields[f] == 3`, search.No},
		{head + `"heka.f":[1,2]}`, `Fields[f] == 1`, search.Yes},
		{head + `"heka.f":[1,2]}`, `Fields[f] == 2`, search.No},
		{head + `"heka.f":[1,2]}`, `Fields[f][1] == 2`, search.Maybe},
		{head + `"heka.f":[1,2]}`, `Fields[f][0][1] == 2`, search.Maybe},
		{head + `"heka.f":[1,2]}`, `Fields[f][0][1] == 3`, search.No},
		{head + `"heka.f":[1,2]}`, `Fields[f][2] == NIL`, search.Yes},
		{head + `"heka.f":1}`, `Fields[f][0][1] == NIL`, search.Yes},
		{head + `"heka.f":9007199254740993}`, `Fields[f] == 9007199254740992`, search.Yes},
		{head + `"heka.f":5.0}`, `Fields[f] == 5`, search.Yes},
		{head + `"heka.f":{"a":1}}`, `Fields[f] == 5`, search.Maybe},
		{head + `"heka.f":[]}`, `Fields[f] == 5`, search.Maybe},
		{head + `"heka.a._.b":"x"}`, `Fields[a..b] == "x"`, search.Maybe},
		{head + `"heka.a._.b":"x"}`, `Fields[a..b] == "y"`, search.No},
		{head + `"event.dataset":"a` + "\uFFFD" + `"}`, "Type == \"a\uFFFD\"", search.Maybe},
		{head + `"event.dataset":"a` + "\uFFFD" + `"}`, `Type == "a"`, search.No},
		{head + `"event.dataset":"a` + "\uFFFD" + `"}`, `Type > "a"`, search.Maybe},
		{head + `"event.dataset":"a` + "\uFFFD" + `"}`, `Type =~ /^a.$/`, search.Yes},
		{head + `"x":1}`, `Type == ""`, search.Yes},
		{head + `"@timestamp":"2020-01-01T00:00:00Z"}`, `Timestamp == 0`, search.No},
		{`{"host.name":"h"}`, `Type == ""`, search.Maybe}, // FIELDS without Severity
		{`{"host.name":"h"}`, `Hostname == "h"`, search.Yes},
		{head + `"unmapped.heka.f":"1","heka.g":2,"lm.repaired":true}`, `Fields[f] == 1`, search.Maybe},
		{head + `"unmapped.heka.f":"1","heka.g":2,"lm.repaired":true}`, `Fields[f] == NIL`, search.Maybe},
		{head + `"unmapped.heka.f":"1","heka.g":2,"lm.repaired":true}`, `Fields[g] == 2`, search.Yes},
		{head + `"unmapped.heka.f":"1","heka.g":2,"lm.repaired":true}`, `Fields[g] == 3`, search.No},
		{head + `"unmapped.heka.f":"1","heka.g":2,"lm.repaired":true}`, `Fields[h] == 1`, search.No},
		{`{"unmapped.host.name":"h","log.syslog.severity.code":7,"lm.repaired":true}`, `Hostname == "h"`, search.Maybe},
		{`{"unmapped.host.name":"h","log.syslog.severity.code":7,"lm.repaired":true}`, `Type == ""`, search.Yes},
		{`{"host.name":"h","log.syslog.severity.code":7,"unmapped.message":"a","lm.repaired":true}`, `Payload == "a"`, search.Maybe},
		{`[]`, `TRUE`, search.Maybe},
	} {
		if got := search.DecideDocument(&search.Request{Spec: mustParse(t, c.spec)}, false, "016f5e66e800x", []byte(c.doc)); got != c.want {
			t.Errorf("%s on %s: verdict %d, want %d", c.spec, c.doc, got, c.want)
		}
	}
}

// The id of a record without a time begins with zeros; its document has the time
// of the block.
func TestATimeThatIsTheBlocksReadsAsNone(t *testing.T) {
	t.Parallel()
	r := &search.Request{Spec: mustParse(t, `Timestamp == 0`)}
	doc := []byte(`{"host.name":"h","log.syslog.severity.code":7,"@timestamp":"2020-01-01T00:00:00.000000000Z"}`)
	if got := search.DecideDocument(r, false, "000000000000f00d", doc); got != search.Yes {
		t.Errorf("verdict %d, want Yes", got)
	}
}

func TestRestrictedDocumentsAreDoubtfulWhereTheyAreSilent(t *testing.T) {
	t.Parallel()
	doc := []byte(`{"host.name":"h","log.syslog.severity.code":3}`)
	for spec, want := range map[string]search.Verdict{`Fields[f] == 1`: search.Maybe, `Severity == 3`: search.Yes, `Severity == 4`: search.No} {
		if got := search.DecideDocument(&search.Request{Spec: mustParse(t, spec)}, true, "", doc); got != want {
			t.Errorf("%s: verdict %d, want %d", spec, got, want)
		}
	}
	if got := search.DecideDocument(&search.Request{Text: []string{"x"}}, true, "", doc); got != search.Maybe {
		t.Errorf("text: verdict %d, want Maybe", got)
	}
	doc = []byte(`{"host.name":"h","log.syslog.severity.code":3,"unmapped.message":"x","lm.repaired":true}`)
	if got := search.DecideDocument(&search.Request{Text: []string{"x"}}, false, "", doc); got != search.Maybe {
		t.Errorf("text of a moved payload: verdict %d, want Maybe", got)
	}
}

// Documents come from outside: anybody may write to the index.
func FuzzDecideDocument(f *testing.F) {
	var specs []*search.Request
	for _, text := range searchtest.Specs(f) {
		specs = append(specs, &search.Request{Spec: mustParse(f, text), Text: []string{"x"}})
	}
	f.Add("000000000000", []byte(`{"host.name":"h","log.syslog.severity.code":7,"heka.foo":["bar",null,1.5,true,{}],"@timestamp":"x","message":3}`))
	f.Fuzz(func(t *testing.T, id string, doc []byte) {
		if !json.Valid(doc) {
			return
		}
		for _, r := range specs {
			search.DecideDocument(r, len(id)%2 == 0, id, doc)
		}
	})
}
