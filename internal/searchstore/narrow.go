package searchstore

import (
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
}

// maxTests bounds the expressions that are handed to SQLite. A spec of more
// tests is decided row by row.
const maxTests = 200

// maxWords bounds a query of the word index.
const maxWords = 64

// narrow compiles a request for one file. It reports false when the file holds
// no match.
func narrow(r *search.Request, known []head, unknown bool) (q narrowing, possible bool) {
	root := r.Spec.Root()
	words := append([]string(nil), r.Text...)
	var ids []int64
	undated := unknown
	for i, h := range known {
		if h.allows(root) {
			ids = append(ids, int64(i)+1)
		}
		undated = undated || h.undated
	}
	switch {
	case len(ids) == len(known): // all heads: nothing to narrow by
	case len(ids) == 0 && !unknown:
		return q, false
	default:
		if unknown {
			ids = append(ids, 0)
		}
		list, _ := json.Marshal(ids) // numbers always can be
		q.where, q.args = " AND head IN (SELECT value FROM json_each(?))", []any{string(list)}
	}

	c := compiler{dated: !undated}
	if where := c.node(root); where != always && c.tests <= maxTests {
		q.where += " AND " + where
		q.args = append(q.args, c.args...)
	}
	words = append(words, payloadWords(root)...)
	q.words = matchWords(words[:min(len(words), maxWords)])
	return q, true
}

// allows reports whether a message with this head may match: the tests on other
// variables count as true. There is no negation in a spec, so that is a bound.
func (h *head) allows(n matcher.Node) bool {
	switch n := n.(type) {
	case matcher.And:
		for _, term := range n.Terms() {
			if !h.allows(term) {
				return false
			}
		}
		return true
	case matcher.Or:
		for _, term := range n.Terms() {
			if h.allows(term) {
				return true
			}
		}
		return false
	case matcher.Literal:
		return bool(n)
	case matcher.Test:
		return h.passes(&n)
	}
	return true
}

func (h *head) passes(t *matcher.Test) bool {
	switch t.Var {
	case matcher.VarType:
		return passesText(h.kind, t)
	case matcher.VarLogger:
		return passesText(h.logger, t)
	case matcher.VarHostname:
		return passesText(h.hostname, t)
	case matcher.VarEnvVersion:
		return passesText(h.envVersion, t)
	case matcher.VarSeverity:
		return compare(float64(h.severity), t.Op, t.Const.Number)
	}
	return true
}

func passesText(text string, t *matcher.Test) bool {
	if t.Const.Kind == matcher.ConstRegexp {
		return t.Const.Regexp.MatchString(text) == (t.Op == matcher.OpMatch)
	}
	return compare(text, t.Op, t.Const.Text)
}

func compare[T string | float64](a T, op matcher.Op, b T) bool {
	switch op {
	case matcher.OpEqual:
		return a == b
	case matcher.OpNotEqual:
		return a != b
	case matcher.OpGreater:
		return a > b
	case matcher.OpGreaterEqual:
		return a >= b
	case matcher.OpLess:
		return a < b
	case matcher.OpLessEqual:
		return a <= b
	}
	return true
}

// always is the expression that excludes nothing.
const always = "1"

// compiler turns the tests on Pid and Timestamp into SQL and takes all others
// for true.
type compiler struct {
	args  []any
	tests int
	dated bool // every row has the timestamp of its message in column time
}

func (c *compiler) node(n matcher.Node) string {
	switch n := n.(type) {
	case matcher.And:
		var parts []string
		for _, term := range n.Terms() {
			if part := c.node(term); part != always {
				parts = append(parts, part)
			}
		}
		if parts == nil {
			return always
		}
		return "(" + strings.Join(parts, " AND ") + ")"
	case matcher.Or:
		before := len(c.args)
		var parts []string
		for _, term := range n.Terms() {
			part := c.node(term)
			if part == always {
				c.args = c.args[:before]
				return always
			}
			parts = append(parts, part)
		}
		return "(" + strings.Join(parts, " OR ") + ")"
	case matcher.Literal:
		if !n {
			return "0"
		}
	case matcher.Test:
		return c.test(&n)
	}
	return always
}

var sqlOps = map[matcher.Op]string{matcher.OpEqual: "=", matcher.OpNotEqual: "<>", matcher.OpGreater: ">",
	matcher.OpGreaterEqual: ">=", matcher.OpLess: "<", matcher.OpLessEqual: "<="}

func (c *compiler) test(t *matcher.Test) string {
	switch {
	case t.Var == matcher.VarPid:
		c.tests++
		c.args = append(c.args, t.Const.Number)
		return "pid " + sqlOps[t.Op] + " ?"
	case t.Var == matcher.VarTimestamp && c.dated && t.Op != matcher.OpNotEqual:
		c.tests++
		least, most := int64(math.MinInt64), int64(math.MaxInt64)
		// A spec compares as float64, which many integers share: widen by one.
		if t.Op != matcher.OpLess && t.Op != matcher.OpLessEqual {
			least = clamp(math.Nextafter(t.Const.Number, math.Inf(-1)))
		}
		if t.Op != matcher.OpGreater && t.Op != matcher.OpGreaterEqual {
			most = clamp(math.Nextafter(t.Const.Number, math.Inf(1)))
		}
		c.args = append(c.args, least, most)
		return "time BETWEEN ? AND ?"
	}
	return always
}

// clamp converts to the nearest int64.
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
