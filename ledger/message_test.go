package ledger

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestASettlementHasItsFormToTheByte(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]Message{
		`{"blocks":[],"moved":[]}`: {},
		`{"blocks":[[7,10,6,2,3,1,1],[8,1,1,0,0,0,0]],"moved":["3.14"]}`: {
			Blocks: []Block{
				{Sequence: 7, Records: 10, Delivered: 6, Already: 2, Filtered: 3, Repaired: 1, Dead: 1},
				{Sequence: 8, Records: 1, Delivered: 1},
			},
			Moved: []string{"3.14"},
		},
	} {
		if got := string(m.Append(nil)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestABlockWithTooFewNumbersIsAnError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"blocks":[[1,2,3]]}`, `{"blocks":[[-1,0,0,0,0,0,0]]}`, `[]`, ``} {
		if m, err := Parse([]byte(body)); err == nil {
			t.Errorf("%s gives %+v", body, m)
		}
	}
}

// Whatever is read as a settlement is written again as one with the same meaning.
func FuzzSettlement(f *testing.F) {
	f.Add([]byte(`{"blocks":[[7,10,6,2,3,1,1]],"moved":["3.14","\u2028"]}`))
	f.Add([]byte(`{"moved":["a\"b"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := Parse(body)
		if err != nil {
			return
		}
		again := m.Append(nil)
		if !json.Valid(again) {
			t.Fatalf("not JSON: %s", again)
		}
		got, err := Parse(again)
		if err != nil || !reflect.DeepEqual(got.Blocks, m.Blocks) || strings.Join(got.Moved, "\n") != strings.Join(m.Moved, "\n") {
			t.Fatalf("%+v becomes %+v, %v", m, got, err)
		}
	})
}

func BenchmarkSettlement(b *testing.B) {
	m := Message{Blocks: make([]Block, MaxBlocks)}
	for i := range m.Blocks {
		m.Blocks[i] = Block{Sequence: uint64(i + 1_000_000), Records: 3000, Delivered: 3000}
	}
	buf := m.Append(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = m.Append(buf[:0])
	}
}
