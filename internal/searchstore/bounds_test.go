package searchstore

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// answerTo posts a bulk request; header holds name, value pairs.
func answerTo(s *Store, body io.Reader, header ...string) (status int, text string) {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/_bulk", body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestABodyThatUnpacksToTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range maxBody>>20 + 1 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if packed.Len() > 1<<20 {
		t.Fatalf("%d bytes are no bomb", packed.Len())
	}
	if status, text := answerTo(s, &packed, "Content-Encoding", "gzip"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", status, text)
	}
	if held := s.bodies.Load(); held != 0 {
		t.Errorf("%d bytes still charged", held)
	}
}

func TestAnEndlessBodyIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	if status, text := answerTo(s, endless{}); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %.200s", status, text)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestMoreBodiesThanTheBudgetAreSentAgainLater(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	body := newBulk(1).drafts("a", draft(1, day)).buf.Bytes()
	s.bodies.Store(bodyBudget - int64(len(body)) + 1)
	if status, text := answerTo(s, bytes.NewReader(body)); status != http.StatusTooManyRequests {
		t.Errorf("beyond the budget: %d %s", status, text)
	}
	s.bodies.Add(-1)
	if got := post(t, s.Handler(), body); !slices.Equal(got, []int{201}) {
		t.Errorf("within the budget: %v", got)
	}
}

func TestARequestOfTooManyActionsIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	body := strings.Repeat(`{"create":{}}`+"\n{}\n", maxActions+1)
	if status, text := answerTo(s, strings.NewReader(body)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %.200s", status, text)
	}
}

func TestThereIsALimitOfIndices(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	s.most = 2
	body := newBulk(1).drafts("a", draft(1, day)).drafts("b", draft(2, day)).buf.Bytes()
	if got := post(t, s.Handler(), body); !slices.Equal(got, []int{201, 201}) {
		t.Fatalf("%v", got)
	}
	body = newBulk(2).drafts("c", draft(3, day)).drafts("a", draft(4, day)).buf.Bytes()
	if got := post(t, s.Handler(), body); !slices.Equal(got, []int{400, 201}) {
		t.Errorf("one index too many beside a known one: %v, want 400 and 201", got)
	}
}

func TestPagesCannotStoreAnything(t *testing.T) {
	t.Parallel()
	s := open(t, Config{})
	body := newBulk(1).drafts("a", draft(1, day)).buf.Bytes()
	for _, origin := range []string{"http://evil.example", "null", "http://127.0.0.1:35200"} {
		if status, text := answerTo(s, bytes.NewReader(body), "Origin", origin, "Content-Type", "text/plain"); status != http.StatusForbidden {
			t.Errorf("from a page of %s: %d %s", origin, status, text)
		}
	}
	if len(s.all()) != 0 {
		t.Error("a page has made an index")
	}
}
