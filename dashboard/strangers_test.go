package dashboard

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
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
			var header []string
			if origin != "" {
				header = []string{"Origin", origin}
			}
			if status, _ := send(t, method, host, "/change", "{}", header...); status != want {
				t.Errorf("%s from origin %q: %d, want %d", method, origin, status, want)
			}
		}
	}
	if changed != 8 {
		t.Errorf("%d changes, want 8", changed)
	}
}

func TestWhatChangesSomethingIsForOperatorsAndOurOwnPages(t *testing.T) {
	t.Parallel()
	s, host := serve(t, Config{Token: "look", OperatorToken: "change"}, stats.NewHub(), found{})
	s.SetDeadLetters(letters{})
	s.SetPauser(new(pauses))
	changing := 0
	for _, pattern := range s.Routes() {
		method, path, _ := strings.Cut(pattern, " ")
		if path == "" || method == "GET" || isPage(strings.TrimSuffix(path, "{$}")) { // pages take the sign-in form
			continue
		}
		changing++
		for want, header := range map[int][][]string{
			401: {nil, {"Authorization", "Bearer wrong"}, {"Cookie", cookie + "=change"}},
			403: {
				{"Authorization", "Bearer look"}, {"Cookie", cookie + "=" + sessionOf("look"), "Sec-Fetch-Site", "same-origin"},
				{"Cookie", cookie + "=" + sessionOf("change"), "Sec-Fetch-Site", "cross-site"}, {"Cookie", cookie + "=" + sessionOf("change"), "Sec-Fetch-Site", "same-site"},
				{"Cookie", cookie + "=" + sessionOf("change"), "Origin", "http://evil.example"}, {"Cookie", cookie + "=" + sessionOf("change"), "Origin", "null"},
			},
			415: { // as a form would
				{"Authorization", "Bearer change", "Content-Type", "text/plain"}, {"Authorization", "Bearer change", "Content-Type", "application/x-www-form-urlencoded"},
				{"Authorization", "Bearer change", "Content-Type", ""},
			},
		} {
			for _, h := range header {
				if status, _ := send(t, method, host, path+"?token=change", "{}", h...); status != want {
					t.Errorf("%s with %q: %d, want %d", pattern, h, status, want)
				}
			}
		}
	}
	if changing != 4 {
		t.Errorf("%d routes change something: if one is new, see that it is for operators", changing)
	}
}

// With INSECURE on a loopback address whoever comes is an operator, so that a page
// whose name was made to point there must still be turned away.
func TestAReboundNameIsNoNameOfOurs(t *testing.T) {
	t.Parallel()
	for _, insecure := range []bool{false, true} {
		_, host := serve(t, Config{Insecure: insecure, AllowedOrigins: []string{"ours.example"}}, stats.NewHub(), nil)
		for name, want := range map[string]int{"evil.example": 403, "127.0.0.1.evil.example:9010": 403, "ours.example": 200, "localhost": 200} {
			if resp, _ := get(t, host, "/config", "Host", name); resp.StatusCode != want {
				t.Errorf("insecure %v, host %q: %d, want %d", insecure, name, resp.StatusCode, want)
			}
		}
	}
}

func TestNoPathLeadsOutOfThePageOrToAnotherPlace(t *testing.T) {
	t.Parallel()
	_, host := serve(t, Config{Token: "look"}, stats.NewHub(), nil)
	for _, target := range []string{
		"/../access.go", "/%2e%2e/access.go", "/..%2faccess.go", "/dist/index.html", "/index.html", "/app.js/../../access.go", "/app.js%00.svg", "/app.js/", "/.git/config",
		"//evil.example", "//evil.example/..", "/%5cevil.example", "//evil.example/search", "http://evil.example/search", "/search/../..//evil.example",
	} {
		for _, method := range []string{"GET", "POST"} {
			conn, err := net.Dial("tcp", host)
			if err != nil {
				t.Fatal(err)
			}
			const body = "token=look"
			fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer look\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", method, target, host, len(body), body)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%s %s: %v", method, target, err)
			}
			if resp.StatusCode == 200 && !strings.HasPrefix(target, "http://") { // which is one of our pages, whoever it is sent to
				t.Errorf("%s %s: %d", method, target, resp.StatusCode)
			}
			if to, err := url.Parse(resp.Header.Get("Location")); err != nil || to.Host != "" || strings.HasPrefix(to.Path, "//") || strings.Contains(to.Path, `\`) {
				t.Errorf("%s %s leads to %q", method, target, resp.Header.Get("Location"))
			}
			resp.Body.Close()
			conn.Close()
		}
	}
}

func TestTheSessionIsSecureBehindTLSAndATokenHasAnEnd(t *testing.T) {
	t.Parallel()
	_, host := serve(t, Config{Token: "look"}, stats.NewHub(), nil)
	for _, c := range []struct {
		proto, form string
		status      int
		secure      bool
	}{
		{"", "token=look", 303, false}, {"http", "token=look", 303, false}, {"https", "token=look", 303, true},
		{"https", "pad=" + strings.Repeat("x", 4<<10) + "&token=look", 401, false},
	} {
		req, err := http.NewRequest("POST", "http://"+host+"/dead", strings.NewReader(c.form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Forwarded-Proto", c.proto)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		cookies := resp.Cookies()
		if resp.StatusCode != c.status || (len(cookies) == 1) != (c.status == 303) || len(cookies) == 1 && cookies[0].Secure != c.secure {
			t.Errorf("%q, %.20q: %d, %+v", c.proto, c.form, resp.StatusCode, cookies)
		}
	}
}
