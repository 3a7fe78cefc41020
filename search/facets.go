package search

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
)

// Limits of facets.
const (
	DefaultFacetSize = 20
	MaxFacetSize     = 100 // values listed of one field
	MaxFacets        = 8   // fields of one request
	MaxFacetValue    = 256 // bytes of a value that is listed; longer ones are in Other
)

// FacetRequest asks which values the fields of the matching records have, and how
// often.
type FacetRequest struct {
	Request // without Limit and Cursor

	Fields []Field // at most MaxFacets
	Size   int     // values of each field; 0: DefaultFacetSize, at most MaxFacetSize
}

// Facets is the answer, a facet for each of the fields in their order.
type Facets struct {
	Facets []Facet `json:"facets"`
	Sum
}

// Facet is the values of one field, most frequent first, those of the same
// frequency in the order of their bytes.
//
// A record without a header has the value that a spec reads: "", and for the
// severity 7. A record without a dynamic field counts nowhere in its facet, one
// with several values once for each.
type Facet struct {
	Field  string  `json:"field"` // as a spec names it
	Values []Value `json:"values"`
	Other  int64   `json:"other"` // how often there were values that are not listed
}

// Value is a value as text, and how often there is one. In JSON it is the list of
// both.
type Value struct {
	Text  string
	Count int64
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal([]any{v.Text, v.Count}) }

// UnmarshalJSON implements json.Unmarshaler.
func (v *Value) UnmarshalJSON(raw []byte) error {
	return json.Unmarshal(raw, &[]any{&v.Text, &v.Count})
}

// Field is what a facet is about: the severity, the hostname, the logger, the
// type, or a dynamic field.
type Field struct{ test matcher.Test }

// facetHeaders are the headers that have facets.
var facetHeaders = []matcher.Var{matcher.VarSeverity, matcher.VarHostname, matcher.VarLogger, matcher.VarType}

// DefaultFields are those headers.
func DefaultFields() (list []Field) {
	for _, v := range facetHeaders {
		list = append(list, Field{matcher.Test{Var: v}})
	}
	return list
}

// ParseField reads the name of a field as a spec has it: Severity, Hostname,
// Logger, Type or Fields[NAME]. The error is a *ParameterError.
func ParseField(name string) (Field, error) {
	for _, v := range facetHeaders {
		if name == v.String() {
			return Field{matcher.Test{Var: v}}, nil
		}
	}
	if spec, err := matcher.Parse(name + " == NIL"); err == nil {
		if t, ok := spec.Root().(matcher.Test); ok && t.Var == matcher.VarField && t.Field == 0 && t.Index == 0 {
			return Field{matcher.Test{Var: matcher.VarField, Name: t.Name}}, nil
		}
	}
	return Field{}, &ParameterError{Parameter: "field", Reason: strconv.Quote(name) + " is none of Severity, Hostname, Logger, Type and Fields[NAME]"}
}

// String returns the name.
func (f Field) String() string {
	if f.test.Var == matcher.VarField {
		return "Fields[" + f.test.Name + "]"
	}
	return f.test.Var.String()
}

// Header returns which header it is; false means that it is a dynamic field.
func (f Field) Header() (matcher.Var, bool) { return f.test.Var, f.test.Var != matcher.VarField }

// Validate fills in what is not given and checks the rest.
func (r *FacetRequest) Validate() error {
	switch {
	case len(r.Fields) == 0:
		r.Fields = DefaultFields()
	case len(r.Fields) > MaxFacets:
		return &ParameterError{Parameter: "field", Reason: strconv.Itoa(len(r.Fields)) + " fields, at most " + strconv.Itoa(MaxFacets)}
	}
	switch {
	case r.Size == 0:
		r.Size = DefaultFacetSize
	case r.Size < 0 || r.Size > MaxFacetSize:
		return &ParameterError{Parameter: "size", Reason: strconv.Itoa(r.Size) + " is not between 1 and " + strconv.Itoa(MaxFacetSize)}
	}
	return r.Request.validate()
}

// CountFacets answers r, which has been validated, from the candidates in src: it
// looks at each of the newest MaxExamined within Deadline.
func CountFacets(ctx context.Context, r FacetRequest, src Source) (Facets, error) {
	counts := make([]Counts, len(r.Fields))
	for i := range counts {
		counts[i] = Counts{}
	}
	sum, err := examine(ctx, &r.Request, src, Deadline, func(row *Row) {
		members := readMembers(row.Record.Doc)
		for i, f := range r.Fields {
			for _, text := range members.texts(f) {
				counts[i][text]++
			}
		}
	})
	if err != nil {
		return Facets{}, err
	}
	answer := Facets{Sum: sum}
	for i, f := range r.Fields {
		answer.Facets = append(answer.Facets, counts[i].Facet(f, r.Size, 0))
	}
	return answer, nil
}

// Counts is how often there is each value.
type Counts map[string]int64

// Facet lists the most frequent values; other is how often there were values that
// the counts do not have.
func (c Counts) Facet(f Field, size int, other int64) Facet {
	facet := Facet{Field: f.String(), Values: make([]Value, 0, min(len(c), size)), Other: other}
	var all []Value
	for text, n := range c {
		if len(text) > MaxFacetValue {
			facet.Other += n
			continue
		}
		all = append(all, Value{text, n})
	}
	slices.SortFunc(all, func(a, b Value) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text)) })
	for i, v := range all {
		if i < size {
			facet.Values = append(facet.Values, v)
		} else {
			facet.Other += v.Count
		}
	}
	return facet
}

// members are the members of a document in ecs shape.
type members map[string]json.RawMessage

func readMembers(doc []byte) members {
	var m members
	_ = json.Unmarshal(doc, &m) // what is not a document of ours has no members
	return m
}

// get returns a member, from where a repair has moved it if need be.
func (m members) get(key string) json.RawMessage {
	if raw := m[key]; raw != nil {
		return raw
	}
	return m["unmapped."+key]
}

// texts returns the distinct values of a field: strings as they are, bytes in
// base64, numbers as the document has them. NaN and infinities have no text.
func (m members) texts(f Field) (list []string) {
	raw := bytes.TrimSpace(m.get(documentField(&f.test)))
	values := []json.RawMessage{raw}
	switch {
	case len(raw) == 0:
		if v, ok := f.Header(); !ok {
			return nil
		} else if v == matcher.VarSeverity {
			return []string{strconv.Itoa(heka.DefaultSeverity)}
		}
		return []string{""}
	case raw[0] == '[':
		if json.Unmarshal(raw, &values) != nil {
			return nil
		}
	}
	for _, value := range values {
		text := string(value)
		if value[0] == '"' && json.Unmarshal(value, &text) != nil || text == "null" {
			continue
		}
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// severity is the severity in the document.
func (m members) severity() int {
	var n int32 = heka.DefaultSeverity
	if raw := m.get(documentFields[matcher.VarSeverity]); raw != nil && json.Unmarshal(raw, &n) != nil {
		return heka.DefaultSeverity
	}
	return int(n)
}
