package binaries

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const readme = "../../README.md"

func TestREADMEListsEveryVariableAsTheProgramsDo(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for _, p := range programs {
		help, _, _ := run(t, nil, p.name, "--help")
		begin, end := fmt.Sprintf("<!-- variables of %s -->\n", p.name), fmt.Sprintf("<!-- end of %s -->", p.name)
		before, rest, found := strings.Cut(want, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			t.Fatalf("README.md has no place for the variables of %s: %q and %q", p.name, begin, end)
		}
		want = before + begin + "\n" + markdown(help) + "\n" + end + after
	}
	if want == string(text) {
		return
	}
	if *update {
		if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("README.md differs from --help; run: go test ./e2e/binaries -update")
}

// markdown turns the aligned columns of --help into a table.
func markdown(help string) string {
	var columns []int // where each column begins, in characters
	var table strings.Builder
	for line := range strings.Lines(help) {
		runes := []rune(strings.TrimRight(line, "\n"))
		switch {
		case strings.HasPrefix(line, "VARIABLE"):
			for _, head := range []string{"VARIABLE", "TYPE", "DEFAULT", "MEANING"} {
				columns = append(columns, strings.Index(line, head))
			}
			table.WriteString("| variable | type | default | meaning |\n|---|---|---|---|\n")
		case columns == nil || len(runes) == 0 || runes[0] == ' ' || !strings.Contains(line, "_"):
		default:
			if strings.HasPrefix(line, "Arguments:") {
				return table.String()
			}
			cell := func(i int) string {
				begin, end := columns[i], len(runes)
				if i+1 < len(columns) {
					end = columns[i+1]
				}
				return strings.ReplaceAll(strings.TrimSpace(string(runes[begin:end])), "|", `\|`)
			}
			name, def := "`"+cell(0)+"`", cell(2)
			if def != "" && def != "(required)" {
				def = "`" + def + "`"
			}
			fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", name, cell(1), def, cell(3))
		}
	}
	return table.String()
}
