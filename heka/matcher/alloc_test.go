//go:build !race

package matcher

import "testing"

// The race detector empties pools at random, so this is not true of it.
func TestMatchingDoesNotAllocate(t *testing.T) {
	m := readMessage(t, "x01")
	for _, text := range []string{
		`Type == "TEST" && Hostname != "x" && Severity <= 6`,
		`Uuid == "87cf1ac2-e810-4ddf-a02d-a5ce44d13a85" && Uuid =~ /a.5$/`,
		`Fields[foo][1] == "alternate" && Fields[int][0][1] == 1024 && Fields[double] > 99`,
		`Payload =~ /^Test P.y/ && Payload =~ /Payload/`,
		`Fields[bytes] =~ /^d.t/ && Fields[bool] == TRUE && Fields[none] == NIL`,
	} {
		spec := mustParse(t, text)
		if !spec.Match(m) {
			t.Errorf("%s does not match", text)
		}
		if n := testing.AllocsPerRun(100, func() { spec.Match(m) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}
