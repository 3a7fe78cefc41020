package search

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"lagermeister/heka/matcher"
)

// Bounds of what is sent, below what the engines refuse: 30 levels of bool, 1024
// clauses, of which one test takes up to a dozen. A part of a spec beyond them is
// left out, which widens the query.
const (
	maxLevels  = 8
	maxTests   = 80
	maxKeyword = 8191 // ignore_above of our template: longer values are not indexed
)

// compiler turns a spec into a clause, knowing how its fields are mapped.
type compiler struct {
	types      fieldTypes
	ignored    bool // values left out of the index are named in _ignored (Elasticsearch)
	restricted bool // documents may lack headers and fields of their message
	tests      int  // compiled so far
}

// fieldTypes tells as what a field is mapped, over all indices. An empty list
// means nowhere, no entry that it is not known.
type fieldTypes map[string][]string

// only reports whether a field has one of the types wherever it is mapped.
func (t fieldTypes) only(field string, types ...string) bool {
	list, known := t[field]
	return known && !slices.ContainsFunc(list, func(kind string) bool { return !slices.Contains(types, kind) })
}

// compile is at least what n wants.
func (c *compiler) compile(n matcher.Node, level int) clause {
	if level > maxLevels {
		return everything
	}
	switch n := n.(type) {
	case matcher.And:
		return allOf(c.each(n.Terms(), level)...)
	case matcher.Or:
		return anyOf(c.each(n.Terms(), level)...)
	case matcher.Literal:
		if !n {
			return nothing
		}
	case matcher.Test:
		if c.tests++; c.tests > maxTests {
			return everything
		}
		found := c.test(&n)
		if c.restricted {
			found = anyOf(found, absent(documentField(&n)))
		}
		return found
	}
	return everything
}

func (c *compiler) each(terms []matcher.Node, level int) []clause {
	list := make([]clause, len(terms))
	for i, n := range terms {
		list[i] = c.compile(n, level+1)
	}
	return list
}

func (c *compiler) test(t *matcher.Test) clause {
	field := documentField(t)
	switch {
	case t.Var == matcher.VarField:
		return c.field(t, field)
	case t.Var == matcher.VarTimestamp:
		return c.timestamp(t, field)
	case t.Var == matcher.VarPayload:
		return c.payload(t, field)
	case t.Var.Numeric():
		return c.number(t, field)
	}
	return c.header(t, field)
}

// header is a test of a header string. Absent reads as "".
func (c *compiler) header(t *matcher.Test, field string) clause {
	if !c.types.only(field, "keyword") {
		return everything
	}
	text := t.Const.Text
	switch t.Op {
	case matcher.OpEqual:
		if text == "" {
			return anyOf(absent(field), term(field, ""))
		}
		if len(text) > maxKeyword {
			return everything
		}
		return term(field, text)
	case matcher.OpNotEqual:
		// A document shows broken UTF-8 as U+FFFD, so it may look equal.
		if len(text) > maxKeyword || strings.ContainsRune(text, unicode.ReplacementChar) {
			return everything
		}
		return not(term(field, text))
	case matcher.OpMatch:
		if t.Const.Regexp.MatchString("") {
			return everything
		}
		var list []clause
		for _, text := range matcher.RequiredText(t.Const.Regexp) {
			list = append(list, contains(field, text))
		}
		return anyOf(allOf(list...), c.unindexed(field))
	}
	return everything
}

// unindexed finds the documents whose value of a keyword field is too long for
// the index. OpenSearch does not tell: there it is all that have none in it.
func (c *compiler) unindexed(field string) clause {
	if c.ignored {
		return term("_ignored", field)
	}
	return absent(field)
}

// payload is a test of the text field, whose analyser cuts words in its own way,
// but never inside a run of the letters that text looks for.
func (c *compiler) payload(t *matcher.Test, field string) clause {
	switch t.Op {
	case matcher.OpEqual:
		return c.words(field, t.Const.Text)
	case matcher.OpMatch:
		var list []clause
		for _, text := range matcher.RequiredText(t.Const.Regexp) {
			list = append(list, c.words(field, text))
		}
		return allOf(list...)
	}
	return everything
}

// words finds documents whose text field holds the letters and digits of a text.
//
// The standard analyser makes one word of example.com, so a run of letters is
// looked for inside of words. It cuts words at 255 characters, so that a run can
// fall into two: what has words that long is found too. Only letters that both
// sides keep together and lower in the same way are asked for.
func (c *compiler) words(field, text string) clause {
	if !c.types.only(field, "text") {
		return everything
	}
	var list []clause
	for _, run := range strings.FieldsFunc(text, func(r rune) bool { return !searchable(r) }) {
		if len(run) < 2 || len(run) > 100 || len(list) == 6 {
			continue
		}
		list = append(list, contains(field, fold([]byte(run))))
	}
	if len(list) == 0 {
		return everything
	}
	return anyOf(allOf(list...), clause{"regexp": clause{field: clause{"value": ".{120,255}"}}})
}

func searchable(r rune) bool {
	switch {
	case r < unicode.MaxASCII:
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	case r == 'İ', r == 'ẞ':
		return false
	}
	return unicode.IsLetter(r) && unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}

// number is a test of the severity or the pid.
func (c *compiler) number(t *matcher.Test, field string) clause {
	if !c.types.only(field, numericTypes...) {
		return everything
	}
	if t.Op == matcher.OpNotEqual {
		return everything
	}
	// Absent reads as 7 and 0; a severity is written in any case.
	return anyOf(c.bounds(t, field), absent(field))
}

var numericTypes = []string{"long", "double", "float"}

// bounds finds numbers for which the test may hold. An index may have cut a
// fraction off, and the matcher compares as float64, so the bounds are whole
// numbers around the constant; beyond what a long holds nothing is said.
func (c *compiler) bounds(t *matcher.Test, field string) clause {
	n := t.Const.Number
	if n > 9e18 {
		return everything
	}
	low, high := math.Floor(n), math.Ceil(n)
	if n >= 1<<53 {
		low, high = math.Nextafter(n, 0), math.Nextafter(n, math.Inf(1))
	}
	return between(field, comparison(t.Op, whole(low), whole(high)))
}

// comparison bounds a range from both sides for ==, else from one.
func comparison(op matcher.Op, low, high any) clause {
	switch op {
	case matcher.OpEqual:
		return clause{"gte": low, "lte": high}
	case matcher.OpGreater, matcher.OpGreaterEqual:
		return clause{"gte": low}
	}
	return clause{"lte": high}
}

// whole is a whole number as JSON; encoding/json would write 1e+18.
func whole(n float64) any { return int64(n) }

// timestamp is a test of the event time. A message without one reads as 0, but
// its document bears the time of its block; one before 1970 is not indexed. Both
// are out of the question only when 0 fails the test.
func (c *compiler) timestamp(t *matcher.Test, field string) clause {
	n := t.Const.Number
	if !c.types.only(field, "date_nanos") || t.Op == matcher.OpNotEqual ||
		t.Op == matcher.OpLess || t.Op == matcher.OpLessEqual || n == 0 && t.Op != matcher.OpGreater {
		return everything
	}
	low, high := math.Floor(math.Nextafter(n, 0)), math.Ceil(math.Nextafter(n, math.Inf(1)))
	return between(field, comparison(t.Op, nanos(low), nanos(high)))
}

func nanos(n float64) string {
	if n >= math.MaxInt64 {
		return formatTime(time.Unix(0, math.MaxInt64-2048))
	}
	return formatTime(time.Unix(0, int64(n)))
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// field is a test of a dynamic field. The index knows all values of a field
// without their order, bytes as base64, and neither null, which NaN and the
// infinities have become, nor very long strings.
func (c *compiler) field(t *matcher.Test, field string) clause {
	if strings.ContainsAny(field, "*,?\\") { // patterns and lists to the engines
		return everything
	}
	left := nothing // documents that may hold a value the index does not
	if c.ignored {
		left = term("_ignored", field)
	}
	switch {
	case t.Op == matcher.OpEqual && t.Const.Kind != matcher.ConstNil:
		return anyOf(c.equal(t, field), left)
	case t.Const.Kind == matcher.ConstNumber && t.Op != matcher.OpNotEqual && c.types.only(field, numericTypes...):
		return anyOf(c.bounds(t, field), absent(field), left)
	case (t.Const.Kind == matcher.ConstString || t.Const.Kind == matcher.ConstRegexp) && c.ignored:
		return anyOf(exists(field), left)
	}
	return everything
}

// equal is a test of a field for a value. When the field is mapped in different
// ways, or otherwise than the value would be, only its presence is asked for.
func (c *compiler) equal(t *matcher.Test, field string) clause {
	switch t.Const.Kind {
	case matcher.ConstNumber:
		if c.types.only(field, numericTypes...) {
			return c.bounds(t, field)
		}
	case matcher.ConstBool:
		if c.types.only(field, "boolean") {
			return term(field, strconv.FormatBool(t.Const.Bool))
		}
	case matcher.ConstString:
		if len(t.Const.Text) > maxKeyword/2 {
			return everything
		}
		if c.types.only(field, "keyword") {
			return clause{"terms": clause{field: []string{t.Const.Text, base64Text(t.Const.Text)}}}
		}
	}
	return exists(field)
}
