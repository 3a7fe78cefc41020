package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

func TestCPUTimeIsReadBehindANameWithSpacesAndParentheses(t *testing.T) {
	t.Parallel()
	got, err := cpuSeconds("4711 (a (b) c) S 1 4711 4711 0 -1 4194560 1 2 3 4 250 150 7 8 20 0 11 0 12345 1 2 3")
	if err != nil || got != 4 {
		t.Errorf("got %v, %v; want 4", got, err)
	}
	if _, err := cpuSeconds("4711 (cut off) S 1"); err == nil {
		t.Error("half a line was accepted")
	}
}

func TestMemoryIsInMebibytes(t *testing.T) {
	t.Parallel()
	got, err := residentMemory("Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t3\n")
	if err != nil || got != (memory{Now: 10, Peak: 20}) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := residentMemory("Name:\tkthread\n"); err == nil {
		t.Error("a process without memory was accepted")
	}
}

func TestIdleTimeIsNotBusy(t *testing.T) {
	t.Parallel()
	got, err := busySeconds("cpu  100 200 300 9000 9000 10 20 30 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
	if err != nil || got != 6.6 {
		t.Errorf("got %v, %v; want 6.6", got, err)
	}
}

func TestMetricIsTheSumOfItsSeries(t *testing.T) {
	t.Parallel()
	const text = "# HELP a_total x\na_total{why=\"x y\"} 3\na_total{why=\"z\"} 4e2\na_total_other 9\n"
	if got, err := sumOf("a_total", text); err != nil || got != 403 {
		t.Errorf("got %v, %v; want 403", got, err)
	}
	if _, err := sumOf("a", text); err == nil {
		t.Error("a metric that is not there has a value")
	}
}

func TestMedianIsInTheMiddle(t *testing.T) {
	t.Parallel()
	for want, values := range map[float64][]float64{2: {9, 1, 2}, 2.5: {4, 1, 2, 3}, 7: {7}, 0: nil} {
		if got := median(values); got != want {
			t.Errorf("median of %v: %v, want %v", values, got, want)
		}
	}
}

func TestNumbersAreShort(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]float64{"1,234,568": 1234567.8, "0.0123": 0.01234, "999": 999, "-12,345": -12345} {
		if got := short(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

// ran is a sample of half a second.
func ran(system string, arrived int64) sample {
	return sample{Row: "end-to-end-300", System: system, Sent: arrived, Arrived: arrived, Seconds: 0.5}
}

func TestRatioIsTakenWithinEachRepetition(t *testing.T) {
	t.Parallel()
	all := rounds([]sample{ran("a", 100), ran("b", 50), ran("a", 30), ran("b", 10), ran("a", 80), ran("b", 80)})
	g := goal{what: "a over b", of: rateOver("a", "b"), atLeast: 2}
	if measured, met := g.judge(all); measured != "2 (1 to 3)" || met != "yes" {
		t.Errorf("%s, %s", measured, met)
	}
	g = goal{what: "a over b", of: rateOver("a", "b"), atMost: 1.5}
	if _, met := g.judge(all); met != "**no**" {
		t.Error(met)
	}
}

func TestGoalIsNotMeasuredWhenItsReferenceIsMissing(t *testing.T) {
	t.Parallel()
	all := rounds([]sample{ran(ours, 100), {System: rsyslog.name, Missing: "not installed"}})
	g := goal{of: rateOver(ours, rsyslog.name), atLeast: 2}
	if measured, met := g.judge(all); measured != "not measured" || met != "" {
		t.Errorf("%s, %s", measured, met)
	}
}

func TestGoalFailsWhenOneOfOurRunsLostARecord(t *testing.T) {
	t.Parallel()
	lossy := ran(ours, 100)
	lossy.Failed = "101 records sent, 100 arrived"
	g := goal{of: rateOver(ours, rsyslog.name), atLeast: 2}
	if _, met := g.judge(rounds([]sample{lossy, ran(rsyslog.name, 1)})); met != "**failed**" {
		t.Error(met)
	}
}

func TestReportKeepsRowsThatAreNotMeasuredAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "r.md")
	other := ran("x", 5)
	other.Row = "another"
	for _, samples := range [][]sample{{other, ran(ours, 100)}, {ran(ours, 200)}} {
		if err := report(new(strings.Builder), file, samples); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := readSamples(strings.TrimSuffix(file, ".md") + ".jsonl")
	if err != nil || len(kept) != 2 || kept[0].Row != "another" || kept[1].Arrived != 200 {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestTableNamesWhatIsMissingAndWhatFailed(t *testing.T) {
	t.Parallel()
	text := new(strings.Builder)
	absent := sample{Row: "end-to-end-300", System: rsyslog.name, Missing: "rsyslog is not installed (how to)"}
	if err := markdown(text, []sample{ran(ours, 1000), absent}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not measured", "rsyslog is not installed (how to)", "| 2,000 |"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestEveryRowHasANameOfItsOwnAndGoalsWithOneLimit(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range rows() {
		if seen[r.name] || r.title == "" || len(r.systems) == 0 {
			t.Errorf("row %q", r.name)
		}
		seen[r.name] = true
		for _, g := range r.goals {
			if (g.atLeast > 0) == (g.atMost > 0) || g.what == "" {
				t.Errorf("row %s: goal %+v", r.name, g.what)
			}
			if v := g.of(round{}); !math.IsNaN(v) {
				t.Errorf("row %s: %s is %v of nothing", r.name, g.what, v)
			}
		}
	}
}

func TestBenchmarkLinesAreReadByNameAndUnit(t *testing.T) {
	t.Parallel()
	got := parseBench("goos: linux\nBenchmarkAppend/300B-without-uuid-16  \t 100\t 129.6 ns/op\t2176.09 MB/s\t 2 B/op\t 1 allocs/op\nPASS\n")
	if f := got["BenchmarkAppend/300B-without-uuid"]; len(got) != 1 || f["ns/op"] != 129.6 || f["allocs/op"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestGrowthComparesTheEndWithTheTimeAfterTheStart(t *testing.T) {
	t.Parallel()
	if got := growth([]float64{1, 1, 10, 10, 15, 15, 20, 20}); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
}
