package dashboard

import (
	"net/http"
	"strings"
	"testing"

	"lagermeister/stats"
)

func TestEveryPathOfThePageAnswersWithIt(t *testing.T) {
	t.Parallel()
	_, host := serve(t, Config{}, stats.NewHub(), nil)
	for _, path := range pages {
		if resp, body := get(t, host, path+"?q=x"); resp.StatusCode != 200 || !strings.Contains(body, `src="./app.js"`) {
			t.Errorf("%s: %d %.80q", path, resp.StatusCode, body)
		}
	}
	if resp, _ := get(t, host, "/no-such-page"); resp.StatusCode != 404 {
		t.Errorf("a path that is no page: %d", resp.StatusCode)
	}
}

func TestFileIsSentOnceWhileItIsTheSame(t *testing.T) {
	t.Parallel()
	_, host := serve(t, Config{}, stats.NewHub(), nil)
	for name := range assets {
		if strings.HasSuffix(name, ".html") {
			continue
		}
		resp, body := get(t, host, "/"+name, "Accept-Encoding", "identity")
		if resp.StatusCode != 200 || body != string(assets[name].plain) || resp.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d, %d bytes, %v", name, resp.StatusCode, len(body), resp.Header)
		}
		again, body := get(t, host, "/"+name, "If-None-Match", resp.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s, when it is known: %d, %d bytes", name, again.StatusCode, len(body))
		}
		if zipped, _ := get(t, host, "/"+name, "Accept-Encoding", "gzip"); zipped.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s is not zipped", name)
		}
	}
}

func TestSignInIsAnsweredOnEveryPathOfThePage(t *testing.T) {
	t.Parallel()
	_, host := serve(t, Config{Token: "view-me"}, stats.NewHub(), nil)
	for _, path := range pages {
		if resp, body := get(t, host, path); resp.StatusCode != 401 || !strings.Contains(body, `name="token"`) {
			t.Errorf("%s: %d %.80q", path, resp.StatusCode, body)
		}
	}
}
