package bulk

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	logtest "github.com/sirupsen/logrus/hooks/test"

	"lagermeister/sink"
)

// testdata/reasons.tsv was written down from the engines themselves.
func TestTheFieldIsFoundInTheWordsOfEveryEngine(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/reasons.tsv")
	if err != nil {
		t.Fatal(err)
	}
	engines := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t") // engine, type, field, reason
		engines[columns[0]]++
		want, named := columns[2], columns[2] != "-"
		if got, ok := culprit(columns[3]); ok != named || ok && got != want {
			t.Errorf("%s: got %q, %v, want %s: %s", columns[0], got, ok, want, columns[3])
		}
	}
	if len(engines) != 4 {
		t.Errorf("reasons of %v, want those of four engines", engines)
	}
}

func TestAFieldIsMovedAsText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ doc, field, want string }{
		{`{"a":1,"heka.n":"x","b":2}`, "heka.n", `{"a":1,"unmapped.heka.n":"x","b":2,"lm.repaired":true}`},
		{`{"heka.n":-1.50e+3}`, "heka.n", `{"unmapped.heka.n":"-1.50e+3","lm.repaired":true}`},
		{`{"heka.n":true}`, "heka.n", `{"unmapped.heka.n":"true","lm.repaired":true}`},
		{`{"heka.n":null}`, "heka.n", `{"unmapped.heka.n":null,"lm.repaired":true}`},
		{`{"heka.n":[1,"x",null,false,{"a":"\"<"},[2]]}`, "heka.n", `{"unmapped.heka.n":["1","x",null,"false","{\"a\":\"\\\"\u003c\"}","[2]"],"lm.repaired":true}`},
		{`{"heka.n":[]}`, "heka.n", `{"unmapped.heka.n":[],"lm.repaired":true}`},
		{`{"heka.n":{"a":[1]}}`, "heka.n", `{"unmapped.heka.n":"{\"a\":[1]}","lm.repaired":true}`},
		{`{"heka.n":"\u0000\ud83d\ude00"}`, "heka.n", `{"unmapped.heka.n":"\u0000\ud83d\ude00","lm.repaired":true}`},
		{"{ \"a\" : { \"b\" : [ ] } , \"heka.n\" : 1 }", "heka.n", `{"a" : { "b" : [ ] },"unmapped.heka.n":"1","lm.repaired":true}`},
		// The engine names the object, the document has what is beneath it.
		{`{"heka.a":1,"heka.a.b":2,"heka.ab":3,"heka.a.c.d":"4"}`, "heka.a", `{"unmapped.heka.a":"1","unmapped.heka.a.b":"2","heka.ab":3,"unmapped.heka.a.c.d":"4","lm.repaired":true}`},
		{`{"message":"m","heka.a":1,"heka.b":2}`, "heka", `{"message":"m","unmapped.heka.a":"1","unmapped.heka.b":"2","lm.repaired":true}`},
		// Names in JSON's escapes.
		{`{"heka.q\u0022]b\\":1,"x":2}`, `heka.q"]b\`, `{"unmapped.heka.q\u0022]b\\":"1","x":2,"lm.repaired":true}`},
		{`{"heka.` + "\xc3\xbc" + `\u00fc":1}`, "heka.üü", `{"unmapped.heka.ü\u00fc":"1","lm.repaired":true}`},
	} {
		got, ok := withoutField([]byte("before"), []byte(c.doc), c.field)
		if !ok || string(got) != "before"+c.want {
			t.Errorf("%s without %s:\ngot  %s, %v\nwant %s", c.doc, c.field, got, ok, c.want)
		}
		if !json.Valid(got[len("before"):]) {
			t.Errorf("%s is no JSON", got)
		}
	}
}

func TestWhatCannotBeRepairedStaysAsItIs(t *testing.T) {
	t.Parallel()
	for doc, field := range map[string]string{
		`{}`:                      "heka.a",
		`{"heka.ab":1}`:           "heka.a",
		`{"heka":{"a":1}}`:        "heka.a", // nested: not a shape of ours
		`{"@fields":{"a":1}}`:     "@fields.a",
		`{"heka.a":1`:             "heka.a",
		`{"heka.a":1}}`:           "heka.a",
		`{"heka.a":01}`:           "heka.a",
		`[{"heka.a":1}]`:          "heka.a",
		``:                        "heka.a",
		`{"heka.a":1,"b":"\x"}`:   "heka.a",
		`{"\ud800heka.a":1}`:      "heka.a",
		`{"unmapped.heka.a":"1"}`: "heka.a",
	} {
		if got, ok := withoutField([]byte("before"), []byte(doc), field); ok || string(got) != "before" {
			t.Errorf("%s: got %s, %v", doc, got, ok)
		}
	}
}

// A repaired document is JSON with the same members, of which some are renamed.
func FuzzWithoutField(f *testing.F) {
	f.Add([]byte(`{"ecs.version":"8.11.0","heka.a":[1,null,"x",{"y":2}],"heka.a.b":"\u0022","host.name":"h"}`), "heka.a")
	f.Add([]byte(" {\"a\\\"\" : -0.1e5 ,\"\\u0061\":{} }\n"), `a"`)
	f.Add([]byte(`{"a":"b"}`), "")
	f.Fuzz(func(t *testing.T, doc []byte, field string) {
		out, ok := withoutField(nil, doc, field)
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal(doc, &before); err != nil {
			if ok {
				t.Fatalf("%q is no object, yet repaired to %q", doc, out)
			}
			return
		}
		if !ok {
			return
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q without %q is %q: %v", doc, field, out, err)
		}
		if string(after[repaired]) != "true" {
			t.Fatalf("%q is not marked", out)
		}
		for key, value := range before {
			if got := after[key]; got != nil && key != repaired && string(got) != string(value) {
				t.Fatalf("%q: member %q was %s and is %s", doc, key, value, got)
			}
			if after[key] == nil && after[unmapped+key] == nil {
				t.Fatalf("%q: member %q is lost in %q", doc, key, out)
			}
		}
	})
}

func TestAFieldInConflictIsToldOnce(t *testing.T) {
	t.Parallel()
	log, hook := logtest.NewNullLogger()
	f := fields{log: log}
	for i := range 1000 {
		f.tell(fmt.Sprint("heka.", i%200), &sink.Result{Reason: "words"})
	}
	if n := len(hook.AllEntries()); n != maxTold {
		t.Errorf("%d lines for 200 fields, want %d", n, maxTold)
	}
}
