package elastic

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"lagermeister/sink"
	"lagermeister/sink/bulk"
)

var repairing = bulk.Config{Repair: true}

// conflicts are pairs of documents, of which an index that has the first one
// refuses the second, and what the second becomes.
func conflicts() []struct{ first, second, kept string } {
	deep, long := "heka.deep"+strings.Repeat(".d", 30), strings.Repeat("x", 40_000)
	return []struct{ first, second, kept string }{
		{`"heka.n1":1`, `"heka.n1":"text"`, `"unmapped.heka.n1":"text"`},
		{`"heka.n2":1`, `"heka.n2":[2,"text",null]`, `"unmapped.heka.n2":["2","text",null]`},
		{`"heka.n3":1`, `"heka.n3":1e300`, `"unmapped.heka.n3":"1e300"`},
		{`"heka.n4":1.5`, `"heka.n4":true`, `"unmapped.heka.n4":"true"`},
		{`"heka.n5":true`, `"heka.n5":1`, `"unmapped.heka.n5":"1"`},
		{`"heka.n6":1`, `"heka.n6":"` + long + `"`, `"unmapped.heka.n6":"` + long + `"`},
		{`"heka.o1":1`, `"heka.o1.p":2`, `"unmapped.heka.o1.p":"2"`},
		{`"heka.o2":"x"`, `"heka.o2.p.q":"y","heka.o2.r":3`, `"unmapped.heka.o2.p.q":"y","unmapped.heka.o2.r":"3"`},
		{`"heka.o3.p":1`, `"heka.o3":"text"`, `"unmapped.heka.o3":"text"`},
		{`"heka.o3.p":1`, `"heka.o3":2`, `"unmapped.heka.o3":"2"`},
		{`"x":1`, `"heka.o4":1,"heka.o4.p":2`, `"unmapped.heka.o4":"1","unmapped.heka.o4.p":"2"`},
		{`"x":1`, `"heka.o5.p":2,"heka.o5":1`, `"unmapped.heka.o5.p":"2","unmapped.heka.o5":"1"`},
		{`"x":1`, `"` + deep + `":1`, `"unmapped.` + deep + `":"1"`},
		{`"heka.q\"]ü":1`, `"heka.q\"]ü":"x"`, `"unmapped.heka.q\"]ü":"x"`},
		{`"x":1`, `"process.pid":"none"`, `"unmapped.process.pid":"none"`},
		{`"x":1`, `"message":{"a":1}`, `"unmapped.message":"{\"a\":1}"`},
	}
}

func TestEveryMappingConflictIsRepaired(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		s := e.sink(t, repairing)
		var first, second []string
		for _, c := range conflicts() {
			first = append(first, "{"+c.first+"}")
			second = append(second, `{"host.name":"h",`+c.second+`,"log.syslog.severity.code":7}`)
		}
		docs := e.records(append(first, second...)...)
		settle(t, s, docs[:len(first)])
		for range 2 { // in any order, and again
			results := settle(t, s, docs[len(first):])
			for i, c := range conflicts() {
				if o := results[i].Outcome; o != sink.Repaired && o != sink.Already {
					t.Errorf("%.200s: %+v", c.second, results[i])
					continue
				}
				var answer struct {
					Source json.RawMessage `json:"_source"`
				}
				e.call(t, "GET", "/"+e.index+"/_doc/"+string(docs[len(first)+i].ID), "", &answer)
				want := `{"host.name":"h",` + c.kept + `,"log.syslog.severity.code":7,"lm.repaired":true}`
				if string(answer.Source) != want {
					t.Errorf("the engine has %.200s\nwant %.200s", answer.Source, want)
				}
			}
		}
		if n := e.count(t, `{"term":{"lm.repaired":true}}`); n != len(second) {
			t.Errorf("%d documents are marked, want %d", n, len(second))
		}
	})
}

func TestAStrictIndexOfSomeoneElseIsRepairedForIfItHasRoom(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		const properties = `"message":{"type":"text"},"heka":{"properties":{"a":{"type":"ip"}}},"lm":{"properties":{"repaired":{"type":"boolean"}}}`
		create := func(index, more string) {
			e.call(t, "PUT", "/"+index, `{"mappings":{"dynamic":"strict","properties":{`+properties+more+`}}}`, nil)
		}
		for _, with := range []bool{true, false} {
			e := *e
			want, more := sink.Refused, ""
			if with {
				want, more = sink.Repaired, `,"unmapped":{"type":"object","enabled":false}`
			}
			e.index = strings.Replace(e.index, "lagermeister", fmt.Sprintf("strict-%v", with), 1)
			create(e.index, more)
			for _, doc := range []string{`{"heka.b":1}`, `{"heka.a":"no address"}`, `{"other":1}`} {
				r := e.records(doc)
				r[0].ID = fmt.Appendf(nil, "%044x", len(doc))
				if results := settle(t, e.sink(t, repairing), r); results[0].Outcome != want {
					t.Errorf("%s, room %v: %+v, want %v", doc, with, results[0], want)
				}
			}
		}
	})
}

// Elasticsearch takes a document beyond the limit without its new fields;
// OpenSearch refuses it, and names no field.
func TestMoreFieldsThanTheLimitAreKept(t *testing.T) {
	each(t, func(t *testing.T, e *engine) {
		var many strings.Builder
		many.WriteString(`{"message":"many"`)
		for i := range 2500 {
			fmt.Fprintf(&many, `,"heka.f%d":%d`, i, i)
		}
		many.WriteString(`}`)
		want := sink.Repaired
		if strings.HasPrefix(e.name, "ELASTIC") {
			want = sink.Delivered
		}
		results := settle(t, e.sink(t, repairing), e.records(many.String(), `{"message":"few","heka.f1":1}`))
		if results[0].Outcome != want || results[1].Outcome != sink.Delivered {
			t.Errorf("got %+v, want %v and delivered", results, want)
		}
		if n := e.count(t, `{"match":{"message":"many"}}`); n != 1 {
			t.Errorf("the document is found %d times by its message", n)
		}
	})
}
