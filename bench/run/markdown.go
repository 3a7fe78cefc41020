package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// markdown writes the table of goals and, below, the figures of each system.
func markdown(w io.Writer, samples []sample) error {
	text := new(bytes.Buffer)
	fmt.Fprintf(text, "%s\n%s\n\n", machine(), occasion(samples))
	goals, figures := new(bytes.Buffer), new(bytes.Buffer)
	fmt.Fprintf(goals, "| what | figure | goal | measured | met |\n|---|---|---|---|---|\n")
	fmt.Fprintf(figures, "| row | system | runs | records/s | CPU s/M | of these | memory, MiB | further | others, CPUs |\n|---|---|---|---|---|---|---|---|---|\n")
	var notes []string
	for _, r := range rows() {
		mine := slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.Row != r.name })
		if len(mine) == 0 {
			continue
		}
		for i, g := range r.goals {
			title := ""
			if i == 0 {
				title = r.title
			}
			measured, met := g.judge(rounds(mine))
			fmt.Fprintf(goals, "| %s | %s | %s | %s | %s |\n", title, g.what, g.limit(), measured, met)
		}
		for _, sys := range r.systems {
			notes = append(notes, figure(figures, r, sys, mine)...)
		}
	}
	_, err := fmt.Fprintf(w, "%s%s\nMedians of all repetitions (least to most). A ratio is taken within each repetition.\n\n%s\n%s", text, goals, figures, strings.Join(notes, ""))
	return err
}

// rounds puts together again what was measured in turn: the n-th samples of all systems.
func rounds(samples []sample) (all []round) {
	n := map[string]int{}
	for _, s := range samples {
		i := n[s.System]
		n[s.System]++
		if i == len(all) {
			all = append(all, round{})
		}
		all[i][s.System] = s
	}
	return all
}

// judge takes the goal's figure in each round and its median, and compares.
func (g *goal) judge(all []round) (measured, met string) {
	var values []float64
	for _, r := range all {
		if v := g.of(r); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return "not measured", ""
	}
	mid := median(values)
	met = "**no**"
	if g.atLeast > 0 && mid >= g.atLeast || g.atMost > 0 && mid <= g.atMost {
		met = "yes"
	}
	for _, r := range all {
		for _, s := range r {
			if s.Failed != "" && strings.HasPrefix(s.System, "lagermeister") {
				met = "**failed**"
			}
		}
	}
	return spread(values), met
}

func (g *goal) limit() string {
	if g.atLeast > 0 {
		return fmt.Sprintf("≥ %s", short(g.atLeast))
	}
	return fmt.Sprintf("≤ %s", short(g.atMost))
}

// figure writes the line of one system, and returns notes on runs that went wrong.
func figure(w io.Writer, r row, sys system, samples []sample) (notes []string) {
	var rate, cpu, others []float64
	parts, memories, values := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	n := 0
	for _, s := range samples {
		if s.System != sys.name {
			continue
		}
		if said := s.Failed + s.Missing; said != "" {
			notes = append(notes, fmt.Sprintf("* %s, %s: %s\n", r.title, sys.name, said))
		}
		if s.Missing != "" {
			continue
		}
		n++
		others = append(others, s.Others)
		if s.Arrived > 0 {
			rate = append(rate, s.rate())
			if len(s.CPU) > 0 {
				cpu = append(cpu, s.cpuPerMillion())
			}
			for name := range s.CPU {
				parts[name] = append(parts[name], s.cpuOf(name))
			}
		}
		for name, m := range s.Memory {
			memories[name] = append(memories[name], m.Peak)
		}
		for name, v := range s.Values {
			values[name] = append(values[name], v)
		}
	}
	middle := func(v []float64) string { return short(median(v)) }
	fmt.Fprintf(w, "| %s | %s | %d | %s | %s | %s | %s | %s | %s |\n", r.name, sys.name, n, spread(rate), spread(cpu),
		shares(parts, middle), shares(memories, middle), shares(values, spread), spread(others))
	slices.Sort(notes)
	return slices.Compact(notes)
}

// median is the middle one, or between the two middle ones; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// spread is "median (least to most)".
func spread(values []float64) string {
	switch len(values) {
	case 0:
		return ""
	case 1:
		return short(values[0])
	}
	return fmt.Sprintf("%s (%s to %s)", short(median(values)), short(slices.Min(values)), short(slices.Max(values)))
}

// short is v with three digits that count, and thousands set apart.
func short(v float64) string {
	if math.Abs(v) < 1000 {
		return fmt.Sprintf("%.3g", v)
	}
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// occasion is when samples were taken, of what, and how busy the machine was.
func occasion(samples []sample) string {
	if len(samples) == 0 {
		return "Nothing was measured."
	}
	first, last, load := samples[0].Time, samples[0].Time, []float64{}
	commits := map[string]bool{}
	for _, s := range samples {
		if s.Time.Before(first) {
			first = s.Time
		}
		if s.Time.After(last) {
			last = s.Time
		}
		if s.Load > 0 {
			load = append(load, s.Load)
		}
		commits[s.Commit] = true
	}
	const minute = "2006-01-02 15:04"
	return fmt.Sprintf("%s to %s UTC, commit %s. Load average before the runs: %s.", first.Format(minute), last.Format(minute),
		strings.Join(slices.Sorted(maps.Keys(commits)), ", "), spread(load))
}

// machine is what this was measured on, and how.
func machine() string {
	cpu := "unknown CPU"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name\t: "); ok {
			cpu, _, _ = strings.Cut(rest, "\n")
		}
	}
	total := ""
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		total, _, _ = strings.Cut(string(text), "\n")
		total = ", " + strings.Join(strings.Fields(total), " ")
	}
	kernel, _ := exec.Command("uname", "-sr").Output()
	return fmt.Sprintf("%d CPUs of %s%s, %s, %s. Command: `go run ./bench/run %s`.", runtime.NumCPU(), cpu, total, strings.TrimSpace(string(kernel)), runtime.Version(), strings.Join(os.Args[1:], " "))
}
