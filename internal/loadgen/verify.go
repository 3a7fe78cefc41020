package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Verify reads the records of the run back from the search API, waits for those
// that are not visible yet, and prints which are missing or there more than
// once. The error says how many; nil means every record once.
func (g *Generator) Verify(ctx context.Context) error {
	expected := g.expected()
	fmt.Fprintf(g.out, "verify: reading %d records of run %s from %s\n", len(expected), g.source.Run(), masked(g.cfg.VerifyURL))
	found, deadline := -1, time.Now()
	for {
		seen, err := g.readBack(ctx)
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		if len(seen) > found { // some arrived: wait for the rest from now on
			found, deadline = len(seen), time.Now().Add(g.cfg.VerifyWait)
		}
		missing, double := compare(expected, seen)
		if len(missing) == 0 || time.Now().After(deadline) {
			return g.verdict(len(expected), missing, double)
		}
		fmt.Fprintf(g.out, "verify: %d of %d visible\n", len(expected)-len(missing), len(expected))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
}

func (g *Generator) verdict(expected int, missing, double []uint64) error {
	if len(missing)+len(double) == 0 {
		fmt.Fprintf(g.out, "verify: all %d records found, none twice\n", expected)
		return nil
	}
	fmt.Fprintf(g.out, "verify: missing %d: %s\nverify: more than once %d: %s\n",
		len(missing), ranges(missing), len(double), ranges(double))
	return fmt.Errorf("verify: of %d records %d are missing and %d are there more than once", expected, len(missing), len(double))
}

// expected lists the numbers that must arrive: sent, good, and not refused.
func (g *Generator) expected() []uint64 {
	lanes := uint64(len(g.lanes))
	var top uint64
	refused := map[uint64]bool{}
	for i := range g.lanes {
		top = max(top, g.lanes[i].done)
		for _, n := range g.lanes[i].refused {
			refused[n] = true
		}
	}
	var numbers []uint64
	for k := range top {
		for i := range g.lanes {
			n := k*lanes + uint64(i)
			if k < g.lanes[i].done && !refused[n] && g.source.Kind(n) == Good {
				numbers = append(numbers, n)
			}
		}
	}
	return numbers
}

// compare returns the expected numbers that were never seen, and those seen
// more than once. expected ascends.
func compare(expected []uint64, seen map[uint64]int) (missing, double []uint64) {
	for _, n := range expected {
		switch count := seen[n]; {
		case count == 0:
			missing = append(missing, n)
		case count > 1:
			double = append(double, n)
		}
	}
	return missing, double
}

// ranges writes ascending numbers as `3, 7-9, 12`, ten groups a line.
func ranges(numbers []uint64) string {
	if len(numbers) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, groups := 0, 0; i < len(numbers); groups++ {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		switch {
		case i == 0:
		case groups%10 == 0:
			b.WriteString(",\n  ")
		default:
			b.WriteString(", ")
		}
		fmt.Fprint(&b, numbers[i])
		if j > i {
			fmt.Fprintf(&b, "-%d", numbers[j])
		}
		i = j + 1
	}
	return b.String()
}

// page is what Verify needs of an answer of the search API.
type page struct {
	Records []struct {
		Doc struct {
			Message string `json:"message"`
		} `json:"doc"`
	} `json:"records"`
	Next string `json:"next"`
}

// readBack counts how often each number of the run is found.
func (g *Generator) readBack(ctx context.Context) (map[uint64]int, error) {
	seen := map[uint64]int{}
	cursor := ""
	for {
		p, err := g.fetch(ctx, cursor)
		if err != nil {
			return nil, err
		}
		for i := range p.Records {
			if n, ok := g.source.number([]byte(p.Records[i].Doc.Message)); ok {
				seen[n]++
			}
		}
		if p.Next == "" {
			return seen, nil
		}
		cursor = p.Next
	}
}

func (g *Generator) fetch(ctx context.Context, cursor string) (*page, error) {
	u, err := url.Parse(g.cfg.VerifyURL)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	query.Set("text", g.source.Run())
	query.Set("limit", "1000")
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if g.cfg.VerifyToken != "" {
		req.Header.Set("Authorization", "Bearer "+g.cfg.VerifyToken)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", u, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: answered %d: %.300s", u, resp.StatusCode, bytes.TrimSpace(body))
	}
	var p page
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, fmt.Errorf("answer of %s: %w", u, err)
	}
	return &p, nil
}
