package matcher

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestErrorsShowThePlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec     string
		offset   int
		message  string
		expected string
	}{
		{``, 0, "the spec ends too early", "a variable"},
		{`  `, 2, "the spec ends too early", "a variable"},
		{`Type == 5`, 8, "unexpected 5", "a string in quotes (Type is one)"},
		{`Type == NIL`, 8, "unexpected NIL", "a string"},
		{`Severity == "6"`, 12, `unexpected "6"`, "a number (Severity is one)"},
		{`Severity =~ /6/`, 9, "unexpected =~", "Severity, which is a number"},
		{`Severity > -1`, 11, "cannot have a sign", "a digit"},
		{`Severity == 6E0`, 13, `unknown word "E0"`, "one of Uuid"},
		{`Severity == 6.6.6`, 12, `malformed number "6.6.6"`, "a decimal number"},
		{`Severity == .`, 12, `malformed number "."`, "a decimal number"},
		{`Severity == 1e999`, 12, `number out of range "1e999"`, "a decimal number"},
		{`Type == "x" AND TRUE`, 12, `unknown word "AND"`, "&&"},
		{`hostname == "x"`, 0, `unknown word "hostname"`, "Hostname; words are case sensitive"},
		{`Env_Version == "x"`, 0, `unknown word "Env_Version"`, "EnvVersion"},
		{`TRUE FALSE`, 5, "unexpected FALSE", "&&, || or the end"},
		{"TRUE\n&& FALSE", 4, "newline", "one line"},
		{"TRUE\x00", 4, "NUL", ""},
		{"TRUE\r", 4, `unexpected character '\r'`, ""},
		{`TRUE "x`, 5, "string not closed", `a closing "`},
		{"Type == 'a\nb'", 8, "string not closed on its line", `a closing '`},
		{`Type == "x\"`, 8, "string not closed", "a backslash"},
		{`Type =~ /x`, 8, "regular expression not closed", "a closing /"},
		{`Type =~ /ab(/`, 9, "missing closing )", "RE2"},
		{`Type =~ /ab(?<!c)/`, 11, "invalid", "RE2"},
		{`Type =~ /ab[z-a]/`, 12, "invalid character class range", "RE2"},
		{`Type =~ TEST`, 8, `unknown word "TEST"`, ""},
		{`Type =~ "TEST"`, 8, `unexpected "TEST"`, "a regular expression"},
		{`Fields == 1`, 6, "without the name", "["},
		{`Fields[`, 6, "[ without ]", "the name of a field and ]"},
		{`Fields[] == 1`, 7, "without a name", "Fields[name]"},
		{`Fields[a][x] == 1`, 10, `malformed index "x"`, "decimal digits"},
		{`Fields[a][] == 1`, 10, `malformed index ""`, "decimal digits"},
		{`Fields[a][+1] == 1`, 10, `malformed index "+1"`, "decimal digits"},
		{`Fields[a][99999999999999999999] == 1`, 10, "malformed index", "decimal digits"},
		{`Fields[a][0][0][0] == 1`, 15, "at most two indexes", "an operator"},
		{`Fields[a] [1] == 1`, 10, "directly behind", ""},
		{`Fields[a] != TRUE`, 13, "unexpected TRUE", "a string in quotes, a number or NIL"},
		{`Fields[a] > NIL`, 12, "unexpected NIL", "a string in quotes or a number"},
		{`Type "x"`, 5, `unexpected "x"`, "an operator after Type"},
		{`(TRUE`, 5, "ends too early", "the ) for the ( at byte 0"},
		{`TRUE)`, 4, "unexpected )", "the end of the spec"},
		{`!TRUE`, 0, "a lone !", "there is no NOT"},
		{`TRUE | TRUE`, 5, "a lone |", "||"},
		{`TRUE & TRUE`, 5, "a lone &", "&&"},
		{`Type = "x"`, 5, "a lone =", "=="},
		{`Type == "日本" foo`, 17, `unknown word "foo"`, ""},
		{strings.Repeat("(", MaxDepth+1) + "TRUE", MaxDepth, "more than 200 parentheses", ""},
		{strings.Repeat(" ", MaxSpec) + "TRUE", MaxSpec, "limit 65536", ""},
	} {
		_, err := Parse(c.spec)
		wrong, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("%.60q: error %v, want a *SyntaxError", c.spec, err)
			continue
		}
		if wrong.Offset != c.offset || !strings.Contains(wrong.Message, c.message) || !strings.Contains(wrong.Expected, c.expected) {
			t.Errorf("%.60q: at %d %q, expected %q; want at %d %q, expected %q",
				c.spec, wrong.Offset, wrong.Message, wrong.Expected, c.offset, c.message, c.expected)
		}
	}
}

func TestCaretStandsUnderThePlace(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		`Type == 5`:               "    Type == 5\n            ^",
		"Type\t==\t5":             "    Type\t==\t5\n        \t  \t^",
		`Type == "äöü" && foo`:    "    Type == \"äöü\" && foo\n                     ^",
		`Type == "日本" && foo`:     "    Type == \"日本\" && foo\n             \u3000\u3000     ^",
		"Type == \"a\u0301\" foo": "    Type == \"a\u0301\" foo\n                ^",
		"TRUE\n&& FALSE":          "    TRUE...\n        ^",
		"TRUE && \x1b[31m":        "    TRUE && \uFFFD[31m\n            ^",
		`TRUE &&`:                 "    TRUE &&\n           ^",
	} {
		_, err := Parse(spec)
		wrong, ok := errors.AsType[*SyntaxError](err)
		if !ok {
			t.Errorf("%q: no syntax error: %v", spec, err)
		} else if got := wrong.Excerpt(); got != want {
			t.Errorf("%q:\n%s\nwant\n%s", spec, got, want)
		}
	}
}

func TestLongSpecsAreShownAroundThePlace(t *testing.T) {
	t.Parallel()
	_, err := Parse(strings.Repeat(`Type == "日本語" || `, 1000) + "oops" + strings.Repeat(" || TRUE", 1000))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 4 || len(lines[1]) > 300 {
		t.Fatalf("%d lines:\n%s", len(lines), err)
	}
	column := len([]rune(lines[2])) - 1
	if got := string([]rune(lines[1])[column:]); !strings.HasPrefix(got, "oops") {
		t.Errorf("the caret is under %.20q", got)
	}
}

func TestAndBindsTighterAndBothGoLeft(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		`TRUE||FALSE&&TRUE`:                "TRUE || FALSE && TRUE",
		`(TRUE||FALSE)&&TRUE`:              "(TRUE || FALSE) && TRUE",
		`((TRUE&&FALSE)&&TRUE)`:            "TRUE && FALSE && TRUE",
		`TRUE&&(FALSE&&TRUE)`:              "TRUE && (FALSE && TRUE)",
		`TRUE||(FALSE||TRUE)`:              "TRUE || (FALSE || TRUE)",
		`Severity==06`:                     "Severity == 6",
		`Severity<.6e1`:                    "Severity < 6",
		`Type=='a"b'`:                      `Type == "a\"b"`,
		`Type=='a\"b'`:                     `Type == "a\\"b"`,
		`Type=='a\nb\\c'`:                  `Type == "a\nb\\c"`,
		`Payload=~/\/a\\\/b/`:              `Payload =~ /\/a\\\/b/`,
		`Fields[a "b'.c/d]!=NIL`:           `Fields[a "b'.c/d] != NIL`,
		`Fields[a][0][0]==FALSE`:           "Fields[a] == FALSE",
		`Fields[a][2]>=1.50`:               "Fields[a][2] >= 1.5",
		`Fields[a][0][3]!~/x/`:             "Fields[a][0][3] !~ /x/",
		"Type == \"\xff\xfe\"":             "Type == \"\uFFFD\uFFFD\"",
		`Timestamp > 1373989745000000001.`: "Timestamp > 1.373989745e+18",
	} {
		parsed, err := Parse(spec)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := parsed.String(); got != want {
			t.Errorf("%s reads %s, want %s", spec, got, want)
		}
	}
}

func TestTermsListAChain(t *testing.T) {
	t.Parallel()
	spec, err := Parse(`Type == "a" && TRUE && (FALSE && TRUE) && (TRUE || FALSE)`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range spec.Root().(And).Terms() {
		got = append(got, string(n.append(nil, true)))
	}
	want := []string{`Type == "a"`, "TRUE", "FALSE", "TRUE", "(TRUE || FALSE)"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("terms %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range readVectors(f) {
		f.Add(v.Spec)
	}
	f.Add(`Fields[a][1][2] =~ /\/x\\/ || (Type == 'a\'b' && Timestamp <= 1e18)`)
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := Parse(text)
		if err != nil {
			if wrong, ok := errors.AsType[*SyntaxError](err); !ok || wrong.Offset < 0 || wrong.Offset > len(text) {
				t.Fatalf("%q: %#v", text, err)
			}
			_ = err.Error()
			return
		}
		printed := spec.String()
		if len(printed) > MaxSpec {
			return
		}
		again, err := Parse(printed)
		if err != nil {
			t.Fatalf("%q prints %q, which does not parse: %v", text, printed, err)
		}
		if !same(spec.Root(), again.Root()) {
			t.Fatalf("%q prints %q, which is another tree", text, printed)
		}
	})
}

// same compares trees; compiled expressions by their text.
func same(a, b Node) bool {
	switch a := a.(type) {
	case And:
		b, ok := b.(And)
		return ok && same(a.X, b.X) && same(a.Y, b.Y)
	case Or:
		b, ok := b.(Or)
		return ok && same(a.X, b.X) && same(a.Y, b.Y)
	case Test:
		b, ok := b.(Test)
		a.Const.Regexp, b.Const.Regexp = nil, nil
		return ok && a == b
	}
	return a == b
}
