package loadgen

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// answering gives a server's answers in turn, the last again and again.
func answering(answers ...http.HandlerFunc) (h http.HandlerFunc, requests *atomic.Int32) {
	requests = new(atomic.Int32)
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "frames" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/octet-stream" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		n := int(requests.Add(1))
		answers[min(n, len(answers))-1](w, r)
	}, requests
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func early(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints) }

func TestAnAnswerSaysWhetherARequestIsTakenRefusedOrSentAgain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long answer ", 10000) // in chunks
	for name, c := range map[string]struct {
		answers  []http.HandlerFunc
		refused  bool
		err      string
		requests int32
	}{
		"taken":                 {[]http.HandlerFunc{status(200, "")}, false, "", 1},
		"taken, long answer":    {[]http.HandlerFunc{status(200, long)}, false, "", 1},
		"taken, hints before":   {[]http.HandlerFunc{early}, false, "", 1},
		"bad request":           {[]http.HandlerFunc{status(400, "no hostname")}, true, "", 1},
		"too large":             {[]http.HandlerFunc{status(413, "")}, true, "", 1},
		"not allowed":           {[]http.HandlerFunc{status(401, "who?")}, false, "answered 401: who?", 1},
		"moved":                 {[]http.HandlerFunc{status(302, "")}, false, "answered 302", 1},
		"unavailable, too many": {[]http.HandlerFunc{status(503, "later"), status(429, ""), status(200, "")}, false, "", 3},
		"hung up":               {[]http.HandlerFunc{hangUp, status(200, "")}, false, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, requests := answering(c.answers...)
			server := httptest.NewServer(handler)
			defer server.Close()
			var trouble trouble
			sender := newHTTPSender(strings.Replace(server.URL, "://", "://user:pass@", 1), &trouble)
			defer sender.close()
			refused, err := sender.send(t.Context(), []byte("frames"))
			if refused != c.refused || (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
				t.Errorf("refused %t, error %v", refused, err)
			}
			if err != nil && strings.Contains(err.Error(), "pass@") {
				t.Errorf("shows the password: %v", err)
			}
			if got := requests.Load(); got != c.requests || trouble.retries.Load() != uint64(got-1) {
				t.Errorf("%d requests, %d sent again", got, trouble.retries.Load())
			}
		})
	}
}

func TestOneConnectionServesRequestsUntilTheServerClosesIt(t *testing.T) {
	t.Parallel()
	last := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") }
	handler, _ := answering(status(200, "a"), status(400, "b"), last, status(200, "c"))
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	var trouble trouble
	sender := newHTTPSender(server.URL, &trouble)
	defer sender.close()
	sender.dialer = &tls.Dialer{Config: server.Client().Transport.(*http.Transport).TLSClientConfig}
	for range 5 {
		if _, err := sender.send(t.Context(), []byte("frames")); err != nil {
			t.Fatal(err)
		}
	}
	if connections.Load() != 2 || trouble.retries.Load() != 0 {
		t.Errorf("%d connections for 5 requests of which one closes, %d sent again", connections.Load(), trouble.retries.Load())
	}
}

func TestARequestCarriesTheLoginOfItsURL(t *testing.T) {
	t.Parallel()
	var user, password, path string
	handler, _ := answering(func(_ http.ResponseWriter, r *http.Request) {
		user, password, _ = r.BasicAuth()
		path = r.URL.RequestURI()
	})
	server := httptest.NewServer(handler)
	defer server.Close()
	sender := newHTTPSender(strings.Replace(server.URL, "://", "://user:p%40ss@", 1)+"/in?x=1", &trouble{})
	defer sender.close()
	if _, err := sender.send(t.Context(), []byte("frames")); err != nil {
		t.Fatal(err)
	}
	if user != "user" || password != "p@ss" || path != "/in?x=1" {
		t.Errorf("user %q, password %q, path %q", user, password, path)
	}
}
