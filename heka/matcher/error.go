package matcher

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// SyntaxError says where a spec stops making sense.
type SyntaxError struct {
	Spec     string
	Offset   int    // in bytes; len(Spec) when something is missing at the end
	Message  string // what is wrong there
	Expected string // what could stand there; may be empty
}

// Error returns three or four lines: the message, the spec, a caret under the
// place, and what was expected there.
func (e *SyntaxError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "match spec, byte %d: %s\n", e.Offset, e.Message)
	b.WriteString(e.Excerpt())
	if e.Expected != "" {
		fmt.Fprintf(&b, "\nexpected %s", e.Expected)
	}
	return b.String()
}

// excerptSide bounds what Excerpt shows on each side of the caret, in bytes.
const excerptSide = 120

// Excerpt returns the spec's text around the error and, on a second line, the
// caret. Both lines are indented; text left out shows as "...".
func (e *SyntaxError) Excerpt() string {
	start, end := max(0, e.Offset-excerptSide), min(len(e.Spec), e.Offset+excerptSide)
	for start > 0 && start < e.Offset && !utf8.RuneStart(e.Spec[start]) {
		start++
	}
	for end < len(e.Spec) && end > e.Offset && !utf8.RuneStart(e.Spec[end]) {
		end--
	}
	var text, mark strings.Builder
	text.WriteString("    ")
	mark.WriteString("    ")
	if start > 0 {
		text.WriteString("...")
		mark.WriteString("   ")
	}
	for _, r := range e.Spec[start:e.Offset] {
		text.WriteRune(visible(r))
		mark.WriteString(blank(visible(r)))
	}
	rest, more := e.Spec[e.Offset:end], end < len(e.Spec)
	if i := strings.IndexAny(rest, "\r\n\x00"); i >= 0 {
		rest, more = rest[:i], true
	}
	for _, r := range rest {
		text.WriteRune(visible(r))
	}
	if more {
		text.WriteString("...")
	}
	return text.String() + "\n" + mark.String() + "^"
}

// visible keeps control characters away from the terminal.
func visible(r rune) rune {
	if r != '\t' && unicode.IsControl(r) {
		return utf8.RuneError
	}
	return r
}

// blank returns white space as wide as r: a tab for a tab, an ideographic space
// for what takes two columns, nothing for what is drawn over its neighbour.
func blank(r rune) string {
	switch {
	case r == '\t':
		return "\t"
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return ""
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul),
		r >= 0x3000 && r <= 0x303e, r >= 0xff01 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
		return "\u3000"
	}
	return " "
}
