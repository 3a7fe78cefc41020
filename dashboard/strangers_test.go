package dashboard

import (
	"net/http"
	"strings"
	"testing"

	"lagermeister/stats"
)

func TestForeignPagesCannotChangeAnything(t *testing.T) {
	t.Parallel()
	s, host := serve(t, Config{}, stats.NewHub(), nil) // no token: whoever comes over loopback is an operator
	changed := 0
	s.Handle("/change", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { changed++ }))
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		for origin, want := range map[string]int{"": 200, "http://" + host: 200, "http://evil.example": 403, "null": 403} {
			req, err := http.NewRequest(method, "http://"+host+"/change", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if origin != "" {
				req.Header.Set("Origin", origin)
			}
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s from origin %q: %d, want %d", method, origin, resp.StatusCode, want)
			}
		}
	}
	if changed != 8 {
		t.Errorf("%d changes, want 8", changed)
	}
}
