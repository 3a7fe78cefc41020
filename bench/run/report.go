package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// String is a line for who waits.
func (s sample) String() string {
	line := fmt.Sprintf("%-30s", s.System)
	if s.Missing != "" {
		return line + " not measured: " + s.Missing
	}
	if s.Arrived > 0 {
		line += fmt.Sprintf(" %10.0f/s", s.rate())
	}
	if len(s.CPU) > 0 {
		line += fmt.Sprintf(" %7.2f CPU s/M (%s)", s.cpuPerMillion(), shares(s.CPU, func(v float64) string { return fmt.Sprintf("%.2f", v/float64(s.Arrived)*1e6) }))
	}
	if len(s.Memory) > 0 {
		line += " " + shares(s.Memory, func(m memory) string { return fmt.Sprintf("%.0f", m.Peak) }) + " MiB"
	}
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		line += fmt.Sprintf(" %s %.4g", name, s.Values[name])
	}
	if s.Own > 0 && s.Arrived > 0 {
		line += fmt.Sprintf(" (generator and sink %.2f)", s.Own/float64(s.Arrived)*1e6)
	}
	line += fmt.Sprintf(" others %.2f CPUs", s.Others)
	if s.Failed != "" {
		line += " FAILED: " + s.Failed
	}
	return line
}

// shares lists a figure of each process.
func shares[T any](of map[string]T, format func(T) string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, name+": "+format(of[name]))
	}
	return strings.Join(parts, "; ")
}

// report prints the tables of what was measured. With a file it also writes them
// there, together with rows that were measured before and are in its samples.
func report(w io.Writer, file string, samples []sample) error {
	if file == "" {
		return markdown(w, samples)
	}
	name, ok := strings.CutSuffix(file, ".md")
	if !ok {
		return fmt.Errorf("-out %s: expected a name with .md at its end", file)
	}
	before, err := readSamples(name + ".jsonl")
	if err != nil {
		return err
	}
	again := map[string]bool{}
	for _, s := range samples {
		again[s.Row] = true
	}
	samples = append(slices.DeleteFunc(before, func(s sample) bool { return again[s.Row] }), samples...)
	if err := writeSamples(name+".jsonl", samples); err != nil {
		return err
	}
	text := new(strings.Builder)
	if err := markdown(text, samples); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		return err
	}
	_, err = io.WriteString(w, text.String())
	return err
}

// readSamples reads a line of JSON for each. A file that does not exist has none.
func readSamples(file string) (samples []sample, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for in := json.NewDecoder(bufio.NewReader(f)); ; {
		var s sample
		switch err := in.Decode(&s); {
		case err == io.EOF:
			return samples, nil
		case err != nil:
			return nil, fmt.Errorf("%s: sample %d: %w", file, len(samples)+1, err)
		}
		samples = append(samples, s)
	}
}

func writeSamples(file string, samples []sample) error {
	text := new(strings.Builder)
	out := json.NewEncoder(text)
	for _, s := range samples {
		if err := out.Encode(s); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return os.WriteFile(file, []byte(text.String()), 0o644)
}
