package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// documents is what one record costs on its way to the request body, in package
// heka/encode with an own benchmark, and its id.
func documents() row {
	const document, id = "heka/encode", "heka/recordid"
	const perRecord, allocations = ", ns", ", allocations"
	r := row{
		name: "documents", title: "Wire bytes to JSON (ecs), and the id",
		systems: []system{
			{document, func(l *lab, _ round) (sample, error) {
				return l.goBench("./"+document, "^BenchmarkDocument$/^ecs$", map[string]string{
					"BenchmarkDocument/ecs/300B": "300 B", "BenchmarkDocument/ecs/3kB": "3 kB"})
			}},
			{id, func(l *lab, _ round) (sample, error) {
				return l.goBench("./"+id, "^BenchmarkAppend$/^3(00B|kB)$", map[string]string{
					"BenchmarkAppend/300B": "300 B", "BenchmarkAppend/3kB": "3 kB"})
			}},
		},
	}
	for _, g := range []struct {
		system, size string
		most         float64 // ns
	}{{document, "300 B", 600}, {document, "3 kB", 2500}, {id, "300 B", 150}, {id, "3 kB", 500}} {
		r.goals = append(r.goals,
			goal{what: g.system + ", " + g.size + perRecord, of: valueOf(g.system, g.size+perRecord), atMost: g.most},
			goal{what: g.system + ", " + g.size + allocations, of: valueOf(g.system, g.size+allocations), atMost: 0.001},
		)
	}
	return r
}

// goBench runs benchmarks of a package, one second each, and keeps those that names tells.
func (l *lab) goBench(pkg, pattern string, names map[string]string) (s sample, err error) {
	m, err := l.meter(nil)
	if err != nil {
		return s, err
	}
	cmd := exec.CommandContext(l.ctx, "go", "test", "-run", "^$", "-bench", pattern, "-benchmem", pkg)
	said, err := cmd.CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("benchmarks of %s: %w\n%s", pkg, err, said)
	}
	if s, err = m.command(cmd); err != nil {
		return s, err
	}
	measured := parseBench(string(said))
	for name, as := range names {
		figures, ok := measured[name]
		if !ok {
			return s, fmt.Errorf("benchmarks of %s: there is no %s in\n%s", pkg, name, said)
		}
		s.set(as+", ns", figures["ns/op"])
		s.set(as+", allocations", figures["allocs/op"])
	}
	return s, nil
}

// parseBench reads what go test -bench prints: figures by unit, by name without
// the number of processors.
func parseBench(text string) map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := fields[0]
		if before, digits, ok := cutLast(name, "-"); ok {
			if _, err := strconv.Atoi(digits); err == nil {
				name = before
			}
		}
		figures := map[string]float64{}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				figures[fields[i+1]] = v
			}
		}
		all[name] = figures
	}
	return all
}
