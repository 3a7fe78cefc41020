package search_test

import (
	"reflect"
	"testing"

	"lagermeister/search"
)

func TestTokensAreRunsOfLettersAndDigits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                      nil,
		" .,- ":                 nil,
		"GET /index.html?x=1":   {"get", "index", "html", "x", "1"},
		"foo_bar a1b2":          {"foo", "bar", "a1b2"},
		"ÜBER Straße 日本語":       {"über", "straße", "日本語"},
		"broken\xffutf\xc3 end": {"broken", "utf", "end"},
	} {
		if got := search.Tokens([]byte(text)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestEveryWordMustBeAWholeToken(t *testing.T) {
	t.Parallel()
	text := []byte("Connection TIMED out after 30s; Über")
	for _, c := range []struct {
		words []string
		want  bool
	}{
		{nil, true},
		{[]string{"timed"}, true},
		{[]string{"timed", "out", "30s"}, true},
		{[]string{"über", "connection"}, true},
		{[]string{"time"}, false},
		{[]string{"timed", "in"}, false},
		{[]string{"30"}, false},
		{[]string{"out", "out"}, true},
	} {
		if got := search.HasTokens(text, c.words); got != c.want {
			t.Errorf("%q: %v, want %v", c.words, got, c.want)
		}
	}
}

func TestHasTokensDoesNotAllocate(t *testing.T) {
	text, words := []byte("Connection TIMED out after 30s; Über"), []string{"timed", "über", "missing"}
	if n := testing.AllocsPerRun(100, func() { search.HasTokens(text, words) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzTokens(f *testing.F) {
	f.Add([]byte("GET /index.html HTTP/1.1"))
	f.Add([]byte("ÜBER \xff İ K ǅ"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list := search.Tokens(text)
		if len(list) > search.MaxTokens {
			list = list[:search.MaxTokens]
		}
		if !search.HasTokens(text, list) {
			t.Fatalf("%q has not its own tokens %q", text, list)
		}
	})
}

func BenchmarkHasTokens(b *testing.B) {
	text := []byte("2026-01-02T03:04:05Z web-01 nginx: GET /api/v1/items/4711?page=2 HTTP/1.1 200 upstream timed out while reading response header from upstream, client 10.0.3.7")
	words := []string{"timed", "upstream"}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		search.HasTokens(text, words)
	}
}
