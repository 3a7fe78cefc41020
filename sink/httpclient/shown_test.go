package httpclient

import (
	"strings"
	"testing"
)

func TestOfURLsOnlySchemeAndHostAreShown(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                                       "",
		"http://localhost:9200":                  "http://localhost:9200",
		"nats://a:4222,nats://b:4222":            "nats://a:4222, nats://b:4222",
		" https://a/ , ,https://b":               "https://a, https://b",
		"https://u:hunter2@es:9200":              "https://es:9200",
		"https://u:hun%2Fter2@es:9200/x":         "https://es:9200",
		"https://a,https://u:hunter2@b":          "https://a, https://b",
		"nats://hunter2@hub:4222":                "nats://hub:4222",
		"nats://u:hunter2@a,tls://hunter2@b":     "nats://a, tls://b",
		"https://logs.example/receiver/hunter2/": "https://logs.example",
		"https://es/?api_key=hunter2":            "https://es",
		"https://es/#hunter2":                    "https://es",
		"https://[::1]:9200/hunter2":             "https://[::1]:9200",
		// No URLs, or not those that were meant.
		"u:hunter2@es:9200":          "…",
		"hunter2@es":                 "…",
		"//u:hunter2@es":             "…",
		"https://a,u:hunter2@b":      "…",
		"https://u:12/hunter2@es":    "…",
		"https://u:12?hunter2@es":    "…",
		"https://u:12#hunter2@es":    "…",
		"https://u:12,hunter2@es":    "…",
		"https://u:hunter2%zz@es":    "…",
		"https://u:hunter2@es:port":  "…",
		"https:hunter2":              "…",
		"https://es:9200, hunter2 x": "…",
		"Bearer hunter2":             "…",
	} {
		if got := Shown(strings.Split(given, ",")); got != want {
			t.Errorf("%q is shown as %q, want %q", given, got, want)
		}
	}
}

// Whatever stands before and behind the host.
func FuzzNothingButSchemeAndHostIsShown(f *testing.F) {
	f.Add("user", "hunter2", "path", "key=hunter2")
	f.Add("u", "12/34", "", "")
	f.Add("", "a@b:c", "%40", "?#@")
	f.Fuzz(func(t *testing.T, user, password, path, query string) {
		if got := Shown([]string{"https://" + user + ":" + password + "@es.example:9200/" + path + "?" + query}); got != "…" && got != "https://es.example:9200" {
			t.Errorf("shown as %q", got)
		}
	})
}
