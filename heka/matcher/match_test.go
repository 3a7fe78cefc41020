package matcher

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"lagermeister/heka"
)

func mustParse(t testing.TB, text string) *Spec {
	t.Helper()
	spec, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// Each of the shortcuts must answer as the expression does, on broken UTF-8 too.
func TestShortcutsAnswerAsTheExpression(t *testing.T) {
	t.Parallel()
	expressions := []string{
		``, `^`, `$`, `^$`, `foo`, `^foo`, `foo$`, `^foo$`, `(foo)`, `^(foo|bar)$`, `foo|bar`, `^foo|bar`, `(?:^foo)`,
		`(?i)foo`, `(?m)^foo`, `(?m)foo$`, `(?s)^foo.`, `\x{fffd}`, `a\x{fffd}`, `ö`, `^ö`, `ö$`, `\.`, `\Qa.b\E`, `^^foo`, `foo\z`, `\Afoo`,
		`(?-s)foo`, `f(oo)`, `fo+`, `f.*oo`, `b.r\n?foo`, `(foo)+$`, `(?:foo){2}`, `(|foo)`, `(foo|)`,
		`(?i)^foo`, `(?i)foo$`, `(?i)^foo$`, `(?i)k`, `(?i)ask`, `(?i)^ask$`, `(?i)s$`, `(?i)foo|b-1|ask`, `(?i)^(foo|ask)`, `(?i)b-1`, `(?i)(b)-(1)$`,
		`(?i)1`, `foo(?i)bar`, `(?i)foo(?-i)bar`, `(?i)ö`, `(?i)\x{fffd}`, `(?i)foo.`, `(?i)`, `(?i)foo|`, `(?i:foo)`, `(?i)foo\b`,
	}
	texts := []string{
		"", "foo", "xfoo", "foox", "foo\nbar", "bar\nfoo", "FOO", "ba\xffr", "a\xff", "a\uFFFD", "\xff", "ö", "\xc3", "xö", "\xe2ö\xb6", "a.b", "axb", "bar",
		"FoObAr", "fooBAR", "xfOo", "B-1", "xb-1", "b-1x", "K", "\u212a", "as\u212a", "A\u017fK", "task", "xASK\xff", "\u017f", "s", "Ö", "foö", "fo", "1",
	}
	for _, expression := range expressions {
		re := regexp.MustCompile(expression)
		find := newFinder(re)
		for _, text := range texts {
			if got, want := find.match([]byte(text)), re.MatchString(text); got != want {
				t.Errorf("/%s/ on %q: %v, want %v", expression, text, got, want)
			}
		}
	}
	for _, expression := range []string{`foo`, `^foo`, `foo$`, `^foo$`, `foo|bar`, `^(foo|bar)$`, ``, `(?i)foo`, `(?i)foo|ask`, `(?i)b-1`} {
		if newFinder(regexp.MustCompile(expression)).re != nil {
			t.Errorf("/%s/ has no shortcut", expression)
		}
	}
}

// The same of expressions and texts that nobody thought of.
func FuzzShortcuts(f *testing.F) {
	for _, expression := range []string{`^foo$`, `(?i)ask`, `^(foo|bar)$`, `(?m)^a$`, `a(?i)k`, `x{2}y+`, `[kK]`, `(^a|b$)`, `(|a)`, `(?i)(|a)`} {
		for _, text := range []string{"", "foo", "xASK\u212a", "a\xff", "\u017f"} {
			f.Add(expression, []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, expression string, text []byte) {
		re, err := regexp.Compile(expression)
		if err != nil || len(expression) > 200 {
			return
		}
		find := newFinder(re)
		if got, want := find.match(text), re.Match(text); got != want {
			t.Errorf("/%s/ on %q: %v, want %v", expression, text, got, want)
		}
	})
}

func TestRequiredTextIsInEveryMatch(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`foo`:               "foo",
		`^GET \/(\w+)x+ .*`: "GET /|x| ",
		`(?i)foo`:           "",
		`a|b`:               "",
		`(timeout){2,3}`:    "timeout",
		`(timeout)*`:        "",
		`(timeout)?end$`:    "end",
		`a\x{fffd}b`:        "",
	} {
		if got := strings.Join(RequiredText(regexp.MustCompile(expression)), "|"); got != want {
			t.Errorf("/%s/ requires %q, want %q", expression, got, want)
		}
	}
}

func TestSpecMayBeSharedByGoroutines(t *testing.T) {
	t.Parallel()
	spec := mustParse(t, `Uuid =~ /^87c.*85$/ && Payload =~ /T.*t/ || Fields[foo][2] == 7`)
	var wg sync.WaitGroup
	for range 8 {
		m := readMessage(t, "x01")
		wg.Go(func() {
			for range 1000 {
				if !spec.Match(m) {
					t.Error("no match")
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestLongChainsParseAndMatch(t *testing.T) {
	t.Parallel()
	spec := mustParse(t, strings.Repeat("FALSE||", 9000)+"TRUE")
	if !spec.Match(new(heka.Message)) {
		t.Error("the last of 9,001 alternatives was not reached")
	}
	if n := len(spec.Root().(Or).Terms()); n != 9001 {
		t.Errorf("%d terms, want 9001", n)
	}
}

func FuzzMatch(f *testing.F) {
	var specs []*Spec
	seen := map[string]bool{}
	for _, v := range readVectors(f) {
		if spec, err := Parse(v.Spec); err == nil && !seen[v.Spec] {
			seen[v.Spec] = true
			specs = append(specs, spec)
			f.Add(readMessage(f, v.Message).Body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var m heka.Message
		_ = m.Parse(body)
		for _, spec := range specs {
			if spec.Match(&m) != spec.Match(&m) {
				t.Fatalf("%s on %x: two answers", spec, body)
			}
		}
	})
}
