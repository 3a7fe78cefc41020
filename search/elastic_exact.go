package search

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
)

// exactCompiler turns a spec into a clause that finds what matches and nothing
// else, given that its fields are mapped as kinds says, that documents have all
// headers of their messages, and that none of these was moved by a repair. There
// is such a clause for comparisons of Type, Logger, Hostname and EnvVersion with a
// text by == and !=, and for those of Severity and Pid.
type exactCompiler struct {
	kinds map[string]string // by field, as filled in by compile
	tests int
}

// compile reports false when there is no such clause.
func (c *exactCompiler) compile(n matcher.Node, level int) (clause, bool) {
	if level > maxLevels {
		return nil, false
	}
	var terms []matcher.Node
	join := allOf
	switch n := n.(type) {
	case matcher.Literal:
		if n {
			return everything, true
		}
		return nothing, true
	case matcher.Test:
		if c.tests++; c.tests > maxTests {
			return nil, false
		}
		return c.test(&n)
	case matcher.And:
		terms = n.Terms()
	case matcher.Or:
		terms, join = n.Terms(), anyOf
	}
	list := make([]clause, len(terms))
	for i, term := range terms {
		var ok bool
		if list[i], ok = c.compile(term, level+1); !ok {
			return nil, false
		}
	}
	return join(list...), true
}

func (c *exactCompiler) test(t *matcher.Test) (clause, bool) {
	field := documentField(t)
	switch t.Var {
	case matcher.VarType, matcher.VarLogger, matcher.VarHostname, matcher.VarEnvVersion:
		// A document shows broken bytes as U+FFFD, and "" may be a text that is too
		// long for the index.
		text := t.Const.Text
		if t.Op > matcher.OpNotEqual || text == "" || len(text) > maxKeyword || !utf8.ValidString(text) || strings.ContainsRune(text, unicode.ReplacementChar) {
			return nil, false
		}
		c.kinds[field] = "keyword"
		if t.Op == matcher.OpNotEqual {
			return not(term(field, text)), true
		}
		return term(field, text), true
	case matcher.VarSeverity:
		return c.number(t, field, heka.DefaultSeverity)
	case matcher.VarPid:
		return c.number(t, field, 0)
	}
	return nil, false
}

// number is a test of an integer, which is read as standard when it is absent.
func (c *exactCompiler) number(t *matcher.Test, field string, standard float64) (clause, bool) {
	n := t.Const.Number
	if !(math.Abs(n) < 1<<53) {
		return nil, false
	}
	c.kinds[field] = "long"
	var found clause
	var holds bool // for the standard
	switch t.Op {
	case matcher.OpEqual, matcher.OpNotEqual:
		found, holds = between(field, clause{"gte": whole(n), "lte": whole(n)}), n == standard
		if n != math.Trunc(n) {
			found = nothing
		}
	case matcher.OpGreater:
		found, holds = between(field, clause{"gte": whole(math.Floor(n) + 1)}), standard > n
	case matcher.OpGreaterEqual:
		found, holds = between(field, clause{"gte": whole(math.Ceil(n))}), standard >= n
	case matcher.OpLess:
		found, holds = between(field, clause{"lte": whole(math.Ceil(n) - 1)}), standard < n
	case matcher.OpLessEqual:
		found, holds = between(field, clause{"lte": whole(math.Floor(n))}), standard <= n
	default:
		return nil, false
	}
	if holds {
		found = anyOf(found, absent(field))
	}
	if t.Op != matcher.OpNotEqual {
		return found, true
	}
	if found.isNothing() {
		return everything, true
	}
	return not(found), true
}
