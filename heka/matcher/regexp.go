package matcher

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// finder searches for a regular expression. Expressions that are nothing but
// literal text, perhaps anchored, are found as text, which gives exactly the
// same answers some ten times faster. The others are tried only where their
// longest required text stands.
type finder struct {
	re      *regexp.Regexp // nil: the literals decide
	needs   []byte         // what every match of re holds; may be empty
	literal [][]byte       // any of them
	atStart bool           // at the beginning of the text only
	atEnd   bool           // at its end only
}

func newFinder(re *regexp.Regexp) finder {
	if l, ok := literalsOf(re); ok {
		for _, text := range l.Texts {
			if len(text) == 0 && !(l.AtStart && l.AtEnd) {
				return finder{literal: [][]byte{nil}} // matches everywhere
			}
		}
		f := finder{atStart: l.AtStart, atEnd: l.AtEnd}
		for _, text := range l.Texts {
			f.literal = append(f.literal, []byte(text))
		}
		return f
	}
	f := finder{re: re}
	for _, text := range RequiredText(re) {
		if len(text) > len(f.needs) {
			f.needs = []byte(text)
		}
	}
	return f
}

func (f *finder) match(text []byte) bool {
	if f.re != nil {
		return bytes.Contains(text, f.needs) && f.re.Match(text)
	}
	for _, literal := range f.literal {
		var found bool
		switch {
		case f.atStart && f.atEnd:
			found = bytes.Equal(text, literal)
		case f.atStart:
			found = bytes.HasPrefix(text, literal)
		case f.atEnd:
			found = bytes.HasSuffix(text, literal)
		default:
			found = bytes.Contains(text, literal)
		}
		if found {
			return true
		}
	}
	return false
}

// literals is what a regular expression comes to when it only looks for text:
// one of Texts, anywhere or bound to the start or the end.
type literals struct {
	Texts          []string
	AtStart, AtEnd bool
}

// literalsOf returns the plain texts a regular expression looks for; ok is false
// when it asks for anything else. The answers are exactly the expression's, for
// any bytes: U+FFFD, which an expression also finds in broken UTF-8, is not a
// plain text, and neither is one that ignores case.
func literalsOf(re *regexp.Regexp) (l literals, ok bool) {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return l, false
	}
	parts := []*syntax.Regexp{uncapture(tree)}
	if parts[0].Op == syntax.OpConcat {
		parts = parts[0].Sub
	}
	if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		l.AtStart, parts = true, parts[1:]
	}
	if n := len(parts); n > 0 && parts[n-1].Op == syntax.OpEndText {
		l.AtEnd, parts = true, parts[:n-1]
	}
	switch len(parts) {
	case 0:
		l.Texts = []string{""}
		return l, true
	case 1:
		return l, l.add(uncapture(parts[0]))
	}
	return l, false
}

// add appends the text of a literal, or those of an alternation of literals.
func (l *literals) add(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch:
		l.Texts = append(l.Texts, "")
		return true
	case syntax.OpLiteral:
		text := string(re.Rune)
		l.Texts = append(l.Texts, text)
		return re.Flags&syntax.FoldCase == 0 && !strings.ContainsRune(text, utf8.RuneError)
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if sub = uncapture(sub); sub.Op != syntax.OpLiteral || !l.add(sub) {
				return false
			}
		}
		return true
	}
	return false
}

// steps is about how many instructions an expression is compiled to, and so how
// many of them each byte of a text may cost. A repetition is written out: x{1000}
// is a thousand. Large classes count for the memory they need.
func steps(re *syntax.Regexp) int {
	n := 0
	for _, sub := range re.Sub {
		n += 1 + steps(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass:
		return 1 + len(re.Rune)/16
	case syntax.OpRepeat:
		return n * max(re.Min+1, re.Max)
	}
	return n + 1
}

// uncapture removes the groups around an expression.
func uncapture(re *syntax.Regexp) *syntax.Regexp {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	return re
}

// RequiredText returns texts that stand in everything the expression matches;
// none when no text is sure to. A compiler to another query language may ask for
// them first. None of them holds U+FFFD or ignores case.
func RequiredText(re *regexp.Regexp) []string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	return required(nil, tree)
}

func required(list []string, re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		var l literals
		if l.add(re) {
			list = append(list, l.Texts...)
		}
	case syntax.OpRepeat:
		if re.Min > 0 {
			list = required(list, re.Sub[0])
		}
	case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
		for _, sub := range re.Sub {
			list = required(list, sub)
		}
	}
	return list
}
