package matcher

import (
	"errors"
	"regexp/syntax"
	"strings"
	"testing"
	"time"

	"lagermeister/heka"
)

func TestRegularExpressionsAreBoundedHoweverTheyAreSpread(t *testing.T) {
	t.Parallel()
	thousand := `Payload =~ /(a|b){500}/`
	for name, spec := range map[string]string{
		"one":                  `Payload =~ /` + strings.Repeat(`x{1000}`, 11) + `/`,
		"many":                 strings.Repeat(thousand+" || ", 20) + thousand,
		"classes":              `Payload =~ /` + strings.Repeat(`\pL`, 1000) + `/`,
		"inside one another":   `Payload =~ /((.{10}){10}){10}((.{10}){10}){10}((.{10}){10}){10}((.{10}){10}){10}((.{10}){10}){10}/`,
		"open repetitions":     `Payload =~ /` + strings.Repeat(`x{1000,}`, 11) + `/`,
		"optional repetitions": `Payload =~ /` + strings.Repeat(`(x?){0,999}`, 11) + `/`,
	} {
		_, err := Parse(spec)
		if wrong := (*SyntaxError)(nil); !errors.As(err, &wrong) || !strings.Contains(wrong.Message, "limit 10000") {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	for name, spec := range map[string]string{
		"a long text":        `Payload =~ /` + strings.Repeat(`x`, MaxRegexps) + `/`,
		"a list of names":    `Hostname =~ /^(` + strings.Repeat(`web01.example.com|`, 300) + `db)$/`,
		"some repetitions":   `Payload =~ /^\d{1,3}(\.\d{1,3}){3} .{0,500}$/`,
		"a hundred of these": strings.Repeat(`Payload =~ /^[a-z]+ \d{1,3}: (yes|no)$/ || `, 99) + "TRUE",
	} {
		if _, err := Parse(spec); err != nil {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

// The estimate must not be far below what the compiler makes.
func TestStepsAreAboutThoseOfTheProgram(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`x{1000}`, `x{1000,}`, `(x?){0,999}`, `((a|b|c){10}){20}`, `[a-z]{3,7}`, `a*b+c?`, `^foo$`, `(?i)word`, `\pL\d\w.`, `(a{1,100}){1,9}`} {
		tree, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		n := steps(tree)
		program, err := syntax.Compile(tree.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		if real := len(program.Inst) - 3; n < real { // fail, match and begin are in every one
			t.Errorf("%s: %d steps, the program has %d", text, n, real)
		}
	}
}

// The worst spec there is must end in seconds (minutes under the race detector) on the largest message (an eighth of
// which is tried here), not in hours: a search looks at its deadline only between
// records.
func TestTheWorstRegularExpressionEnds(t *testing.T) {
	t.Parallel()
	spec, err := Parse(`Payload =~ /(?:x?){0,830}(?:x?){0,830}(?:x?){0,830}y/`)
	if err != nil {
		t.Fatal(err)
	}
	m := heka.Message{Payload: []byte(strings.Repeat("x", heka.DefaultMaxMessage/8) + "y")}
	began := time.Now()
	spec.Match(&m)
	if took := time.Since(began); took > 5*time.Minute {
		t.Errorf("took %v", took)
	} else {
		t.Log(took)
	}
}
