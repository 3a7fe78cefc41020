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
	fold    bool           // the literals are ASCII in lower case and ignore case
	beyond  *regexp.Regexp // decides over text that is not ASCII when it has none of them
}

func newFinder(re *regexp.Regexp) finder {
	if l, ok := literalsOf(re); ok {
		for _, text := range l.Texts {
			if len(text) == 0 && !(l.AtStart && l.AtEnd) {
				return finder{literal: [][]byte{nil}} // matches everywhere
			}
		}
		f := finder{atStart: l.AtStart, atEnd: l.AtEnd, fold: l.Fold}
		for _, text := range l.Texts {
			f.literal = append(f.literal, []byte(text))
			if l.Fold && strings.ContainsAny(text, "ks") { // U+212A and U+017F are forms of these
				f.beyond = re
			}
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
	if f.fold {
		return f.matchFolded(text)
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

func (f *finder) matchFolded(text []byte) bool {
	for _, literal := range f.literal {
		first, last := 0, len(text)-len(literal)
		if f.atEnd {
			first = max(last, 0)
		}
		if f.atStart {
			last = min(last, 0)
		}
		if containsFolded(text, literal, first, last) {
			return true
		}
	}
	return f.beyond != nil && !isASCII(text) && f.beyond.Match(text)
}

// containsFolded says whether literal, in lower case, begins anywhere from first
// to last in text, of which it ignores the case.
func containsFolded(text, literal []byte, first, last int) bool {
	next := func(c byte, from int) int {
		if i := bytes.IndexByte(text[from:], c); i >= 0 {
			return from + i
		}
		return len(text)
	}
	if first > last {
		return false
	}
	c := literal[0]
	low, up := next(c, first), len(text)
	if 'a' <= c && c <= 'z' {
		up = next(c-'a'+'A', first)
	}
	for i := min(low, up); i <= last; i = min(low, up) {
		if equalFolded(text[i:], literal) {
			return true
		}
		if i == low {
			low = next(c, i+1)
		} else {
			up = next(text[i], i+1)
		}
	}
	return false
}

// equalFolded says whether text begins with literal, which is in lower case and
// not longer.
func equalFolded(text, literal []byte) bool {
	for i, c := range literal {
		if lower(text[i]) != c {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

func isASCII[T string | []byte](text T) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// literals is what a regular expression comes to when it only looks for text:
// one of Texts, anywhere or bound to the start or the end. With Fold the texts are
// ASCII in lower case, and none of them is empty.
type literals struct {
	Texts          []string
	AtStart, AtEnd bool
	Fold           bool
}

// literalsOf returns the plain texts a regular expression looks for; ok is false
// when it asks for anything else. The answers are exactly the expression's, for
// any bytes: U+FFFD, which an expression also finds in broken UTF-8, is not a
// plain text. One that ignores case is, if it is ASCII, see Fold.
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
		one := uncapture(parts[0])
		if plain := l; plain.add(one) {
			return plain, true
		}
		if one.Op == syntax.OpAlternate {
			for _, sub := range one.Sub {
				if !l.addFolded([]*syntax.Regexp{sub}) {
					return l, false
				}
			}
			return l, true
		}
	}
	return l, l.addFolded(parts)
}

// addFolded adds the text of literals that stand side by side and ignore case. It
// comes in several because signs and digits have no case to ignore.
func (l *literals) addFolded(parts []*syntax.Regexp) bool {
	l.Fold = true
	text := ""
	for _, part := range parts {
		part = uncapture(part)
		if part.Op == syntax.OpConcat {
			inner := literals{}
			if !inner.addFolded(part.Sub) {
				return false
			}
			text += inner.Texts[0]
			continue
		}
		run := string(part.Rune)
		folded := strings.ToLower(run)
		hasCase := folded != strings.ToUpper(run)
		if part.Op != syntax.OpLiteral || !isASCII(run) || hasCase && part.Flags&syntax.FoldCase == 0 {
			return false
		}
		text += folded
	}
	l.Texts = append(l.Texts, text)
	return text != ""
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
