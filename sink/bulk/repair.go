package bulk

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"lagermeister/sink"
)

// A mapping conflict is an engine's refusal of a document for one of its
// fields: text where the index has numbers, a value where it has an object, one
// field too many. The record is sent once more in the same attempt, as another
// document under the same id:
//
//	{"heka.status":"n/a","heka.x":1}   →   {"heka.x":1,"unmapped.heka.status":"n/a","lm.repaired":true}
//
// Our index template keeps unmapped as it is and does not index it
// ("enabled": false), which is the only mapping that no value, no name and no
// number of names can be in conflict with, on all engines. What is refused again
// is refused with the words of the first refusal.
const (
	unmapped = "unmapped."
	repaired = "lm.repaired"
)

// conflict is a record that the engine refused for one field.
type conflict struct {
	record int // in the batch
	field  string
}

// complaints are the sentences in which engines name a field. Those of
// Elasticsearch 8 and 9 and OpenSearch 2 and 3 are in testdata/reasons.tsv. A
// field is given by its whole path; it may be one that the document has only
// parts beneath of.
var complaints = []struct{ before, after string }{
	{"failed to parse field [", "] of type ["},
	{"object mapping for [", "] tried to parse field ["},
	{"Existing mapping for [", "] must be of type object but found ["},
	{"can't merge a non object mapping [", "] with an object mapping"},
	{"can't merge a non-nested mapping [", "] with a nested mapping"},
	{"can't merge a nested mapping [", "] with a non-nested mapping"},
	{"mapper [", "] cannot be changed from type ["},
	{"has been exceeded due to object field [", "]"},
	{"Cannot write to a field alias [", "]"},
	{`immense term in field="`, `" (whose `},
}

// culprit finds the field that a refusal is about.
func culprit(reason string) (field string, ok bool) {
	for _, c := range complaints {
		if field, ok := between(reason, c.before, c.after); ok {
			return field, true
		}
	}
	if leaf, ok := between(reason, "dynamic introduction of [", "] within ["); ok { // strict
		parent, ok := between(reason, "] within [", "] is not allowed")
		if parent == "_doc" {
			return leaf, ok
		}
		return parent + "." + leaf, ok
	}
	// Too many fields: nobody says which. The message's own are to blame.
	return "heka", strings.Contains(reason, "Limit of total fields [")
}

func between(s, before, after string) (string, bool) {
	_, s, found := strings.Cut(s, before)
	s, _, closed := strings.Cut(s, after)
	return s, found && closed
}

// withoutField appends doc with the member of that name, and those beneath it,
// moved: their names get the prefix "unmapped.", their values become text. It
// reports false, with dst as it was, when there is none, or doc is no JSON
// object.
func withoutField(dst, doc []byte, field string) ([]byte, bool) {
	r := reader{data: doc}
	start, moved := len(dst), 0
	dst = append(dst, '{')
	r.expect('{')
	for first := true; r.more(first, '}'); first = false {
		r.peek()
		from := r.at
		key := r.key()
		r.peek()
		value := r.at
		r.skip(1)
		if r.err != nil {
			break
		}
		if !beneath(key, field) {
			dst = append(append(dst, doc[from:r.at]...), ',')
			continue
		}
		moved++
		dst = append(append(dst, '"'), unmapped...)
		dst = append(append(dst, key...), `":`...)
		dst = append(appendText(dst, doc[value:r.at]), ',')
	}
	r.end()
	if r.err != nil || moved == 0 {
		return dst[:start], false
	}
	return append(dst, `"`+repaired+`":true}`...), true
}

// beneath reports whether key, in JSON's escapes, is field or begins with it and
// a dot.
func beneath(key []byte, field string) bool {
	name := string(key)
	if strings.Contains(name, `\`) && json.Unmarshal([]byte(`"`+name+`"`), &name) != nil {
		return false
	}
	rest, found := strings.CutPrefix(name, field)
	return found && (rest == "" || rest[0] == '.')
}

// appendText appends a JSON value as text: strings and null as they are, a list
// as a list of texts, anything else as a string that holds its JSON.
func appendText(dst, value []byte) []byte {
	switch value[0] {
	case '"', 'n':
		return append(dst, value...)
	case '[':
		r := reader{data: value}
		r.expect('[')
		dst = append(dst, '[')
		for first := true; r.more(first, ']'); first = false {
			if !first {
				dst = append(dst, ',')
			}
			r.peek()
			from := r.at
			r.skip(1)
			dst = appendScalar(dst, value[from:r.at])
		}
		return append(dst, ']')
	}
	return appendScalar(dst, value)
}

func appendScalar(dst, value []byte) []byte {
	if value[0] == '"' || value[0] == 'n' {
		return append(dst, value...)
	}
	text, err := json.Marshal(string(value))
	if err != nil {
		panic(err) // a string can always be written
	}
	return append(dst, text...)
}

// sendRepaired sends the records in conflict without the field in question, and
// puts what became of them into results. Records that cannot be repaired stay
// refused. The error is that of the request.
func (s *Sink) sendRepaired(ctx context.Context, batch []sink.Record, results []sink.Result, conflicts []conflict) *sink.Error {
	var records []sink.Record
	var at []int // where in batch
	for _, c := range conflicts {
		r, ok := batch[c.record], false
		if r.Doc, ok = withoutField(nil, r.Doc, c.field); ok {
			r.Line = nil // it holds the document that was refused
			records, at = append(records, r), append(at, c.record)
			s.fields.tell(c.field, &results[c.record])
		}
	}
	if len(records) == 0 {
		return nil
	}
	answers := make([]sink.Result, len(records))
	_, failure := s.post(ctx, records, answers)
	for i, r := range answers {
		switch r.Outcome {
		case sink.Refused: // the first refusal says what is wrong
			continue
		case sink.Delivered:
			r.Outcome = sink.Repaired
		}
		results[at[i]] = r
	}
	return failure
}

// worse is the error that stops more: Pause, then Split, since a neighbour that
// has to be sent again must not keep the others from being halved.
func worse(x, y *sink.Error) *sink.Error {
	rank := func(e *sink.Error) int {
		switch {
		case e == nil:
			return 0
		case e.Class == sink.Again:
			return 1
		case e.Class == sink.Split:
			return 2
		}
		return 3
	}
	if rank(y) > rank(x) {
		return y
	}
	return x
}

// fields tells the log of each field in conflict once, so that someone mends
// the mapping. Beyond maxTold names it is silent.
type fields struct {
	log logrus.FieldLogger

	mu   sync.Mutex
	told map[string]bool
}

const maxTold = 100

func (f *fields) tell(field string, why *sink.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told[field] || len(f.told) >= maxTold {
		return
	}
	if f.told == nil {
		f.told = map[string]bool{}
	}
	f.told[field] = true
	f.log.WithFields(logrus.Fields{"field": sink.Words([]byte(field)), "error_type": why.Type, "reason": why.Reason}).
		Warn("the index refuses a document for this field; such records are sent with it under " + unmapped + " instead, marked " + repaired)
}
