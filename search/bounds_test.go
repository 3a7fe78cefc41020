package search_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"lagermeister/search"
)

// large is a source of n records with documents of size bytes.
type large struct{ n, size int }

func (s large) Read(_ context.Context, after string, n int) (list []search.Row, _ error) {
	start, _ := strconv.Atoi(after)
	doc := json.RawMessage(strings.Repeat("x", s.size)) // nobody looks at it
	for i := start; i < min(start+n, s.n); i++ {
		list = append(list, search.Row{Record: search.Record{ID: strconv.Itoa(i), Doc: doc}, After: strconv.Itoa(i + 1)})
	}
	return list, nil
}

func (s large) Count(context.Context) (int64, error) { return int64(s.n), nil }

func TestAPageOfLargeRecordsIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	for _, size := range []int{400 << 10, 2 * search.MaxPage} {
		src := large{60, size}
		r := search.Request{Limit: search.MaxLimit}
		next := 0
		for next < src.n {
			answer, err := search.Fill(t.Context(), r, src)
			if err != nil {
				t.Fatal(err)
			}
			bytes := 0
			for _, record := range answer.Records {
				if record.ID != strconv.Itoa(next) {
					t.Fatalf("record %s where %d was next", record.ID, next)
				}
				next++
				bytes += len(record.Doc)
			}
			if bytes > search.MaxPage+size || len(answer.Records) == 0 {
				t.Fatalf("%d bytes in %d records of a page", bytes, len(answer.Records))
			}
			if r.Cursor = answer.Next; r.Cursor == "" && next < src.n {
				t.Fatalf("no next page after %d records", next)
			}
		}
	}
}

// stuck is a store that answers when it is let go.
type stuck struct {
	search.Store
	asked, letGo chan struct{}
}

func (stuck) About() search.About { return search.About{Kind: search.KindEmbedded} }

func (s stuck) Search(context.Context, search.Request) (search.Answer, error) {
	s.asked <- struct{}{}
	<-s.letGo
	return search.Answer{}, nil
}

func TestSearchesGoingOnAtATimeAreBounded(t *testing.T) {
	t.Parallel()
	store := stuck{asked: make(chan struct{}), letGo: make(chan struct{})}
	h := search.Handlers(store)["/api/v2/search"]
	codes := make(chan string)
	ask := func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v2/search", nil))
		codes <- fmt.Sprint(w.Code, w.Header().Get("Retry-After"))
	}
	for range search.MaxGoing {
		go ask()
		<-store.asked
	}
	go ask()
	if code := <-codes; code != "5035" {
		t.Errorf("one too many is answered %s, want 503 and Retry-After", code)
	}
	close(store.letGo)
	for range search.MaxGoing {
		if code := <-codes; code != fmt.Sprint(http.StatusOK) {
			t.Errorf("a search within the bound is answered %s", code)
		}
	}
	go func() { <-store.asked }()
	go ask()
	if code := <-codes; code != "200" {
		t.Errorf("afterwards a search is answered %s", code)
	}
}
