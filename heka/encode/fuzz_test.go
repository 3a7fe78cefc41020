package encode

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"lagermeister/heka"
)

// FuzzDocuments: whatever decodes becomes one line of valid JSON in valid UTF-8
// in every format, appended to what was there; an ecs document holds each key
// once.
func FuzzDocuments(f *testing.F) {
	for _, id := range records(f) {
		f.Add(readMessage(f, id).Body, uint64(7), 3, true)
	}
	var encoders []*Encoder
	for format := range shapes {
		encoders = append(encoders, mustNew(f, format, nil, nil), mustNew(f, format, []string{"DynamicFields", "Type"}, []string{"", "a", "foo"}))
	}
	f.Fuzz(func(t *testing.T, body []byte, sequence uint64, index int, skew bool) {
		m := new(heka.Message)
		if m.Parse(body) != nil {
			return
		}
		r := Record{Message: m, Sequence: sequence, Index: index, ClockSkew: skew, Cut: time.Unix(0, int64(sequence))}
		for _, e := range encoders {
			doc := e.Append([]byte("x"), &r)
			if doc[0] != 'x' || doc[1] != '{' || slices.Contains(doc, '\n') || !json.Valid(doc[1:]) || !utf8.Valid(doc) {
				t.Fatalf("not a document: %q", doc)
			}
			if bytes.HasPrefix(doc, []byte(`x{"ecs.version"`)) {
				checkKeys(t, doc[1:])
			}
		}
	})
}

// checkKeys fails unless the keys of a flat object differ.
func checkKeys(t *testing.T, doc []byte) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(doc, &members); err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	for n, depth := 0, 0; ; {
		token, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			if n != 2*len(members) {
				t.Fatalf("%d keys of %d differ: %s", len(members), n/2, doc)
			}
			return
		}
		if depth == 1 && token != json.Delim('{') {
			n++ // a key, a scalar, or the end of an array
		}
	}
}

// FuzzIndex: the name is legal whatever the pattern and the message hold, and
// the same each time.
func FuzzIndex(f *testing.F) {
	for _, id := range records(f) {
		f.Add("%{Type}-%{foo}-%{Hostname}%{%Y.%m.%d}", readMessage(f, id).Body, int64(0))
	}
	f.Add("_%{Logger}", []byte{0x22, 2, '.', '.'}, int64(1))
	f.Fuzz(func(t *testing.T, pattern string, body []byte, cut int64) {
		p, err := ParseIndex(pattern)
		m := new(heka.Message)
		if err != nil || m.Parse(body) != nil {
			return
		}
		name, skew := p.Append(nil, m, time.Unix(0, cut))
		if !legal(string(name)) {
			t.Fatalf("pattern %q: illegal name %q", pattern, name)
		}
		if again, s := p.Append(nil, m, time.Unix(0, cut)); string(again) != string(name) || s != skew {
			t.Fatalf("pattern %q: %q, then %q", pattern, name, again)
		}
		n := p.Namer()
		for _, other := range []int64{cut, ^cut, cut} { // what a namer remembers says nothing else
			want, skew := p.Append(nil, m, time.Unix(0, other))
			if got, s := n.Name(m, time.Unix(0, other)); string(got) != string(want) || s != skew {
				t.Fatalf("pattern %q: namer says %q, not %q", pattern, got, want)
			}
		}
	})
}
