package searchstore

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"unicode"

	"lagermeister/heka/matcher"
	"lagermeister/search"
)

// narrowing is what of a search SQLite can decide in one file, such that no
// match is left out.
type narrowing struct {
	where string // conditions on table record, each after " AND "; may be empty
	args  []any  // of where
	words string // query of the word index; may be empty
	exact bool   // where is all of the search: what it finds does match
}

// maxTests bounds the expressions that are handed to SQLite. A spec of more
// tests is decided row by row.
const maxTests = 200

// maxWords bounds a query of the word index.
const maxWords = 64

// narrow compiles a request for a file with these values. It reports false when
// there is no match in it. When ctx ends it narrows less.
func narrow(ctx context.Context, r *search.Request, v *values) (q narrowing, possible bool) {
	root := r.Spec.Root()
	c := compiler{ctx: ctx, values: v, exact: true}
	switch where := c.node(root); {
	case where == never:
		return q, false
	case where != always && c.tests <= maxTests:
		q.where, q.args = " AND "+where, c.args
	}
	words := append(append([]string(nil), r.Text...), payloadWords(root)...)
	q.words = matchWords(words[:min(len(words), maxWords)])
	q.exact = c.exact && len(r.Text) == 0 && c.tests <= maxTests
	return q, true
}

// The expressions that exclude nothing, and everything.
const (
	always = "1"
	never  = "0"
)

// compiler turns the tests on headers into SQL and takes all others for true.
// There is no negation in a spec, so what comes out excludes no match.
type compiler struct {
	ctx    context.Context
	values *values
	args   []any
	tests  int
	exact  bool // nothing was taken for true that may be false
}

func (c *compiler) node(n matcher.Node) string {
	switch n := n.(type) {
	case matcher.And:
		return c.chain(n.Terms(), " AND ", always, never)
	case matcher.Or:
		return c.chain(n.Terms(), " OR ", never, always)
	case matcher.Literal:
		if !n {
			return never
		}
	case matcher.Test:
		return c.test(&n)
	}
	return always
}

// chain joins terms; neutral ones are left out, and a deciding one is all.
func (c *compiler) chain(terms []matcher.Node, op, neutral, deciding string) string {
	before := len(c.args)
	var parts []string
	for _, term := range terms {
		switch part := c.node(term); part {
		case neutral:
		case deciding:
			c.args = c.args[:before]
			return deciding
		default:
			parts = append(parts, part)
		}
	}
	if parts == nil {
		return neutral
	}
	return "(" + strings.Join(parts, op) + ")"
}

var sqlOps = map[matcher.Op]string{matcher.OpEqual: "=", matcher.OpNotEqual: "<>", matcher.OpGreater: ">",
	matcher.OpGreaterEqual: ">=", matcher.OpLess: "<", matcher.OpLessEqual: "<="}

func (c *compiler) test(t *matcher.Test) string {
	switch t.Var {
	case matcher.VarType:
		return c.text(varType, t)
	case matcher.VarLogger:
		return c.text(varLogger, t)
	case matcher.VarHostname:
		return c.text(varHostname, t)
	case matcher.VarEnvVersion:
		return c.text(varEnvVersion, t)
	case matcher.VarSeverity:
		return c.add("severity "+sqlOps[t.Op]+" ?", t.Const.Number)
	case matcher.VarPid:
		return c.add("pid "+sqlOps[t.Op]+" ?", t.Const.Number)
	case matcher.VarTimestamp:
		return c.timestamp(t)
	}
	c.exact = false
	return always
}

func (c *compiler) add(where string, args ...any) string {
	c.tests++
	c.args = append(c.args, args...)
	return where
}

// text makes the test on each text of the dictionary.
func (c *compiler) text(v variable, t *matcher.Test) string {
	var passing, failing []int64
	texts, zero := c.values.list(v)
	if zero {
		passing, c.exact = append(passing, 0), false
	}
	for i, text := range texts {
		if c.ctx.Err() != nil { // a slow expression on many texts
			c.exact = false
			return always
		}
		if passes(text, t) {
			passing = append(passing, int64(i)+1)
		} else {
			failing = append(failing, int64(i)+1)
		}
	}
	switch {
	case len(failing) == 0:
		return always
	case len(passing) == 0:
		return never
	case len(failing) < len(passing):
		return c.add(columns[v]+" NOT IN (SELECT value FROM json_each(?))", list(failing))
	}
	return c.add(columns[v]+" IN (SELECT value FROM json_each(?))", list(passing))
}

func list(ids []int64) string {
	text, _ := json.Marshal(ids) // numbers always can be
	return string(text)
}

func passes(text string, t *matcher.Test) bool {
	switch with := t.Const.Text; t.Op {
	case matcher.OpEqual:
		return text == with
	case matcher.OpNotEqual:
		return text != with
	case matcher.OpGreater:
		return text > with
	case matcher.OpGreaterEqual:
		return text >= with
	case matcher.OpLess:
		return text < with
	case matcher.OpLessEqual:
		return text <= with
	}
	return t.Const.Regexp.MatchString(text) == (t.Op == matcher.OpMatch)
}

// timestamp widens the test: a spec compares as float64, which many integers
// share, and a record without a timestamp has another time.
func (c *compiler) timestamp(t *matcher.Test) string {
	c.exact = false
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	switch t.Op {
	case matcher.OpNotEqual:
		return always
	case matcher.OpEqual, matcher.OpGreater, matcher.OpGreaterEqual:
		least = clamp(math.Nextafter(t.Const.Number, math.Inf(-1)))
	}
	switch t.Op {
	case matcher.OpEqual, matcher.OpLess, matcher.OpLessEqual:
		most = clamp(math.Nextafter(t.Const.Number, math.Inf(1)))
	}
	return c.add("(time BETWEEN ? AND ? OR undated)", least, most)
}

// clamp converts to an int64, rounding outwards at the ends.
func clamp(f float64) int64 {
	switch {
	case f <= math.MinInt64:
		return math.MinInt64
	case f >= math.MaxInt64:
		return math.MaxInt64
	}
	return int64(f)
}

// payloadWords returns words that the payload of every match holds: those of a
// text it must equal, and those that stand whole, between other characters, in a
// text that a regular expression requires.
func payloadWords(root matcher.Node) (words []string) {
	terms := []matcher.Node{root}
	if and, ok := root.(matcher.And); ok {
		terms = and.Terms()
	}
	for _, term := range terms {
		t, ok := term.(matcher.Test)
		if !ok || t.Var != matcher.VarPayload {
			continue
		}
		switch t.Op {
		case matcher.OpEqual:
			words = append(words, search.Tokens([]byte(t.Const.Text))...)
		case matcher.OpMatch:
			for _, text := range matcher.RequiredText(t.Const.Regexp) {
				words = append(words, search.Tokens([]byte(strings.TrimFunc(text, inWord)))...)
			}
		}
	}
	return words
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
