package matcher

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenVar
	tokenOp
	tokenConst // a string, number or regular expression, or NIL
	tokenBool
	tokenAnd
	tokenOr
	tokenOpen
	tokenClose
)

// A token is one word of a spec.
type token struct {
	kind   tokenKind
	offset int
	text   string // as written

	test Test // what a test takes from it: Var with Name and indexes, Op, or Const
}

// punctuation, longer ones first.
var punctuation = []struct {
	text string
	token
}{
	{"==", token{kind: tokenOp, test: Test{Op: OpEqual}}},
	{"!=", token{kind: tokenOp, test: Test{Op: OpNotEqual}}},
	{">=", token{kind: tokenOp, test: Test{Op: OpGreaterEqual}}},
	{"<=", token{kind: tokenOp, test: Test{Op: OpLessEqual}}},
	{"=~", token{kind: tokenOp, test: Test{Op: OpMatch}}},
	{"!~", token{kind: tokenOp, test: Test{Op: OpNotMatch}}},
	{">", token{kind: tokenOp, test: Test{Op: OpGreater}}},
	{"<", token{kind: tokenOp, test: Test{Op: OpLess}}},
	{"&&", token{kind: tokenAnd}},
	{"||", token{kind: tokenOr}},
	{"(", token{kind: tokenOpen}},
	{")", token{kind: tokenClose}},
}

// lexer cuts a spec into tokens.
type lexer struct {
	spec  string
	pos   int
	steps int // of the regular expressions so far
}

func (l *lexer) errorAt(offset int, message, expected string) error {
	return &SyntaxError{Spec: l.spec, Offset: offset, Message: message, Expected: expected}
}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.spec) && (l.spec[l.pos] == ' ' || l.spec[l.pos] == '\t') {
		l.pos++
	}
	start := l.pos
	if start == len(l.spec) {
		return token{kind: tokenEnd, offset: start}, nil
	}
	var t token
	var err error
	switch c := l.spec[start]; {
	case isLetter(c):
		t, err = l.word()
	case c == '.' || isDigit(c):
		t, err = l.number()
	case c == '"' || c == '\'':
		t.kind, t.test.Const.Kind = tokenConst, ConstString
		t.test.Const.Text, err = l.quoted("string")
	case c == '/':
		t, err = l.regexp()
	default:
		t, err = l.punctuation()
	}
	t.offset, t.text = start, l.spec[start:l.pos]
	return t, err
}

func (l *lexer) punctuation() (token, error) {
	rest := l.spec[l.pos:]
	for _, p := range punctuation {
		if strings.HasPrefix(rest, p.text) {
			l.pos += len(p.text)
			return p.token, nil
		}
	}
	message, expected := "", ""
	switch c, _ := utf8.DecodeRuneInString(rest); c {
	case '\n':
		message, expected = "a newline inside the spec", "the spec on one line; only blanks and tabs separate words"
	case 0:
		message = "a NUL byte inside the spec"
	case '=':
		message, expected = "a lone =", "== or =~"
	case '!':
		message, expected = "a lone !", "!= or !~; there is no NOT"
	case '&':
		message, expected = "a lone &", "&&"
	case '|':
		message, expected = "a lone |", "||"
	case '-', '+':
		message, expected = "a number cannot have a sign", "a digit"
	case '[':
		message, expected = "[ stands only directly behind Fields or the ] before it", ""
	default:
		message = "unexpected character " + strconv.QuoteRune(c)
	}
	return token{}, l.errorAt(l.pos, message, expected)
}

// word reads a variable, TRUE, FALSE or NIL.
func (l *lexer) word() (token, error) {
	start := l.pos
	for l.pos < len(l.spec) && (isLetter(l.spec[l.pos]) || isDigit(l.spec[l.pos]) || l.spec[l.pos] == '_') {
		l.pos++
	}
	word := l.spec[start:l.pos]
	switch word {
	case "TRUE", "FALSE":
		return token{kind: tokenBool, test: Test{Const: Const{Kind: ConstBool, Text: word, Bool: word == "TRUE"}}}, nil
	case "NIL":
		return token{kind: tokenConst, test: Test{Const: Const{Kind: ConstNil}}}, nil
	}
	for v, name := range varNames {
		if word == name {
			t := token{kind: tokenVar, test: Test{Var: Var(v)}}
			if t.test.Var == VarField {
				return t, l.field(&t.test)
			}
			return t, nil
		}
	}
	return token{}, l.errorAt(start, "unknown word "+strconv.Quote(word), expectedFor(word))
}

// expectedFor guesses what was meant by an unknown word.
func expectedFor(word string) string {
	switch strings.ToUpper(word) {
	case "AND":
		return "&&"
	case "OR":
		return "||"
	case "NOT":
		return "!= or !~; there is no NOT"
	}
	plain := strings.ReplaceAll(word, "_", "")
	for _, name := range append(varNames[:], "TRUE", "FALSE", "NIL") {
		if strings.EqualFold(plain, name) {
			return name + "; words are case sensitive"
		}
	}
	return "one of " + strings.Join(varNames[:len(varNames)-1], ", ") + ", Fields[name], TRUE, FALSE, NIL"
}

// field reads what follows the word Fields: [name], [name][fi] or [name][fi][ai].
func (l *lexer) field(t *Test) error {
	name, offset, err := l.bracket("the name of a field")
	if err != nil {
		return err
	}
	if name == "" {
		return l.errorAt(offset, "a field without a name", "the name, as in Fields[name]")
	}
	t.Name = valid(name)
	for n, index := range []*int{&t.Field, &t.Index, nil} {
		if l.pos == len(l.spec) || l.spec[l.pos] != '[' {
			break
		}
		if n == 2 {
			return l.errorAt(l.pos, "a field has at most two indexes", "an operator")
		}
		text, offset, err := l.bracket("an index")
		if err != nil {
			return err
		}
		number, err := strconv.ParseUint(text, 10, strconv.IntSize-1)
		if err != nil {
			return l.errorAt(offset, "malformed index "+strconv.Quote(text), "decimal digits, as in Fields[name][0]")
		}
		*index = int(number)
	}
	return nil
}

// bracket reads [text]; offset is where the text starts.
func (l *lexer) bracket(what string) (text string, offset int, err error) {
	if l.pos == len(l.spec) || l.spec[l.pos] != '[' {
		return "", 0, l.errorAt(l.pos, "Fields without the name of a field", "[, directly behind Fields")
	}
	length := strings.IndexAny(l.spec[l.pos:], "]\n\x00")
	if length < 0 || l.spec[l.pos+length] != ']' {
		return "", 0, l.errorAt(l.pos, "[ without ]", what+" and ]")
	}
	offset = l.pos + 1
	l.pos += length + 1
	return l.spec[offset : l.pos-1], offset, nil
}

// number reads digits and a fraction with a small e; it has no sign.
func (l *lexer) number() (token, error) {
	start := l.pos
	for l.pos < len(l.spec) && (isDigit(l.spec[l.pos]) || strings.IndexByte(".e+-", l.spec[l.pos]) >= 0) {
		l.pos++
	}
	text := l.spec[start:l.pos]
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		message := "malformed number "
		if errors.Is(err, strconv.ErrRange) {
			message = "number out of range "
		}
		return token{}, l.errorAt(start, message+strconv.Quote(text), "a decimal number such as 6, 0.25 or 1e18")
	}
	return token{kind: tokenConst, test: Test{Const: Const{Kind: ConstNumber, Number: number}}}, nil
}

// quoted reads up to the delimiter it stands on. A backslash before the
// delimiter is dropped; any other stays, also before another backslash.
func (l *lexer) quoted(what string) (string, error) {
	start, quote := l.pos, l.spec[l.pos]
	var text []byte
	for l.pos++; l.pos < len(l.spec); l.pos++ {
		switch c := l.spec[l.pos]; {
		case c == quote:
			l.pos++
			return valid(string(text)), nil
		case c == '\n' || c == 0:
			return "", l.errorAt(start, what+" not closed on its line", "a closing "+string(quote))
		case c == '\\' && l.pos+1 < len(l.spec) && l.spec[l.pos+1] == quote:
			l.pos++
			text = append(text, quote)
		default:
			text = append(text, c)
		}
	}
	return "", l.errorAt(start, what+" not closed", "a closing "+string(quote)+"; a backslash before it takes it as text")
}

// regexp reads /expression/ in RE2 syntax.
func (l *lexer) regexp() (token, error) {
	start := l.pos
	text, err := l.quoted("regular expression")
	if err != nil {
		return token{}, err
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	var re *regexp.Regexp
	if err == nil {
		if l.steps += steps(tree); l.steps > MaxRegexps {
			return token{}, l.errorAt(start, fmt.Sprintf("the regular expressions up to this one come to %d steps, limit %d", l.steps, MaxRegexps),
				"fewer repetitions, which count as often as they repeat")
		}
		re, err = regexp.Compile(text)
	}
	if err != nil {
		message, offset := err.Error(), start+1
		if wrong, ok := errors.AsType[*syntax.Error](err); ok {
			message = wrong.Code.String() + " in regular expression: " + wrong.Expr
			offset += max(0, strings.Index(l.spec[start+1:l.pos-1], wrong.Expr))
		}
		return token{}, l.errorAt(offset, message, "RE2 syntax, as Go has it")
	}
	return token{kind: tokenConst, test: Test{Const: Const{Kind: ConstRegexp, Text: text, Regexp: re}}}, nil
}

// valid replaces each byte that is not UTF-8 by U+FFFD, as Heka does.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
