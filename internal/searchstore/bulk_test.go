package searchstore

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"lagermeister/search"
)

// Whatever the bytes: no panic, and what is stored is what is answered 201.
func FuzzBulk(f *testing.F) {
	good := newBulk(1).drafts("logs", draft(1, day), draft(2, day)).buf.Bytes()
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(bytes.ReplaceAll(good, []byte("logs"), []byte("../x")))
	f.Add([]byte("{\"create\":{\"_index\":\"a\",\"_id\":\"b\",\"lm_frame\":\"HgIIAB8=\"}}\n{}\n"))
	f.Add([]byte("{\"create\":null}\n{}\n"))
	f.Add([]byte("\n\n{}"))
	s := open(f, Config{})
	f.Fuzz(func(t *testing.T, body []byte) {
		before := total(t, s)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/_bulk", bytes.NewReader(body)))
		created := 0
		switch w.Code {
		case http.StatusOK:
			created = count(statuses(t, w.Body.Bytes()), 201)
		case http.StatusBadRequest:
		default:
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
		if after := total(t, s); after != before+int64(created) {
			t.Fatalf("%d records before, %d created, %d after", before, created, after)
		}
	})
}

func total(t testing.TB, s *Store) int64 {
	t.Helper()
	answer, err := s.Search(t.Context(), search.Request{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Total
}

// go test -run - -bench Bulk -benchtime 100x ./internal/searchstore
func BenchmarkBulk(b *testing.B) {
	const each = 1000
	s := open(b, Config{})
	start := time.Now().UnixNano()
	bodies := make([][]byte, 0, b.N)
	for block := range b.N {
		req := newBulk(uint64(block + 1))
		for n := range each {
			d := draft(block*each+n, start+int64(block*each+n)*1000)
			d.Payload = fmt.Sprintf("%s GET /api/v%d/item/%x HTTP/1.1 status=%d bytes=%d agent=Mozilla/5.0 (X11; Linux x86_64) referer=https://shop.example.com/cart/%d",
				d.Payload, n%3, n*7919, 200+n%5, n*31, n%400)
			req.drafts("logs", d)
		}
		bodies = append(bodies, req.buf.Bytes())
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(bodies[0])))
	b.ResetTimer() // b.N, not b.Loop: each body can be stored only once
	for _, body := range bodies {
		if got := post(b, s.Handler(), body); count(got, 201) != each {
			b.Fatal("not all were created")
		}
	}
	b.ReportMetric(each*float64(b.N)/b.Elapsed().Seconds(), "rec/s")
}
