//go:build !race

package encode

import "testing"

// TestDocumentsAndNamesNeedNoMemory holds for every recorded message. (The
// race detector empties pools at random.)
func TestDocumentsAndNamesNeedNoMemory(t *testing.T) {
	doc := make([]byte, 0, 1<<20)
	p := mustParse(t, "%{Type}-%{foo}-%{%Y.%m.%d}")
	for _, format := range []string{"heka", "logstash", "ecs"} {
		e := mustNew(t, format, nil, nil)
		for _, id := range records(t) {
			r := &Record{Message: readMessage(t, id), Sequence: 1, Cut: cut}
			e.Append(doc, r) // fills the pool
			if n := testing.AllocsPerRun(10, func() { e.Append(doc, r); p.Append(doc, r.Message, cut) }); n >= 1 {
				t.Errorf("%s %s: %v allocations", format, id, n)
			}
		}
	}
}
