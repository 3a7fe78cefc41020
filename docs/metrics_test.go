// Package docs holds the handbook; its tests hold it to the code.
package docs

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the sources call their metrics: a whole name, or a prefix and, in the same
// file, the rest of it as the first argument of a helper. The type follows from
// the word in front of it.
var (
	whole  = regexp.MustCompile(`(?i)(counter|gauge|histogram)\w*(?:Opts)?\{\s*Name:\s*"(lagermeister_\w*[a-z])"`)
	prefix = regexp.MustCompile(`"(lagermeister_\w+_)" \+ name`)
	rest   = regexp.MustCompile(`\b(count|counter|gauge)\("(\w+)", `)
	row    = regexp.MustCompile("(?m)^\\| `(lagermeister_\\w+)` \\| (\\w+) \\| \\S")
	named  = regexp.MustCompile(`"(lagermeister_\w*[a-z])"`)
)

// metricsOf lists name and type of each metric that the programs register.
func metricsOf(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(source), "client_golang/prometheus") {
			return err
		}
		for _, m := range whole.FindAllStringSubmatch(string(source), -1) {
			found[m[2]] = strings.ToLower(m[1])
		}
		for _, m := range named.FindAllStringSubmatch(string(source), -1) {
			if found[m[1]] == "" {
				t.Errorf("%s: cannot tell the type of metric %s", path, m[1])
			}
		}
		if p := prefix.FindStringSubmatch(string(source)); p != nil {
			for _, m := range rest.FindAllStringSubmatch(string(source), -1) {
				found[p[1]+m[2]] = map[string]string{"count": "counter", "counter": "counter", "gauge": "gauge"}[m[1]]
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOperationsListsEveryMetricWithItsType(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		if listed[m[1]] != "" {
			t.Errorf("%s is listed twice", m[1])
		}
		listed[m[1]] = m[2]
	}
	code := metricsOf(t, "..")
	if len(code) < 40 {
		t.Fatalf("only %d metrics found in the sources", len(code))
	}
	for _, name := range slices.Sorted(maps.Keys(code)) {
		if listed[name] != code[name] {
			t.Errorf("operations.md: %s is listed as %q, in the code it is a %s", name, listed[name], code[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if code[name] == "" {
			t.Errorf("operations.md lists %s, which no program has", name)
		}
	}
}

// Every metric that the text mentions elsewhere, whole, has its row too.
func TestOperationsMentionsNoUnknownMetric(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	code := metricsOf(t, "..")
	for _, name := range regexp.MustCompile(`lagermeister_\w*[a-z]`).FindAllString(string(text), -1) {
		if code[name] == "" {
			t.Errorf("operations.md mentions %s, which no program has", name)
		}
	}
}
