package httpclient

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func valid() Config { return Config{Timeout: time.Second} }

func TestSettingsThatCannotWorkAreRefusedByName(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Config){
		"REMOTE_TIMEOUT=0s: expected more than 0":         func(c *Config) { c.Timeout = 0 },
		"REMOTE_USERNAME: expected a name":                func(c *Config) { c.Password = "geheim-1" },
		"expected one of them, 2 are set":                 func(c *Config) { c.Username, c.BearerToken = "u", "geheim-1" },
		"REMOTE_BEARER_TOKEN: expected printable ASCII":   func(c *Config) { c.BearerToken = "geheim-1\n" },
		"REMOTE_API_KEY: expected printable ASCII":        func(c *Config) { c.APIKey = "geheim-1 x" },
		"REMOTE_CERT=a.pem, REMOTE_KEY=: expected both":   func(c *Config) { c.Cert = "a.pem" },
		"REMOTE_CERT=/none, REMOTE_KEY=/none: expected a": func(c *Config) { c.Cert, c.Key = "/none", "/none" },
		"REMOTE_CA=/none: expected a readable PEM file":   func(c *Config) { c.CA = "/none" },
		"REMOTE_CA=config.go: expected certificates":      func(c *Config) { c.CA = "config.go" },
	} {
		conf := valid()
		change(&conf)
		err := conf.Validate()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	conf := valid()
	if err := conf.Validate(); err != nil {
		t.Error(err)
	}
}

func TestURLsThatCannotWorkAreRefusedWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                  "REMOTE_URL: expected at least one URL",
		" , ":                               "REMOTE_URL: expected at least one URL",
		"localhost:9200":                    "REMOTE_URL=localhost:9200: expected a URL that starts with http:// or https://",
		"ftp://host/":                       "REMOTE_URL=ftp://host/: expected a URL that starts with",
		"http://":                           "expected a host name",
		"http://host/#top":                  "expected no #fragment",
		"http://u:geheim@host:port/":        "REMOTE_URL=http://…@host:port/: expected a URL such as",
		"//u:geheim@host":                   "REMOTE_URL=…@host: expected",
		"u:ge@heim@host":                    "REMOTE_URL=…@host: expected",
		"htp://host/?token=geheim":          "REMOTE_URL=htp://host/…: expected",
		"htps://host/receiver/geheim":       "REMOTE_URL=htps://host/…: expected",
		"collector:8080/geheim":             "REMOTE_URL=collector:8080/…: expected",
		"htp://u:12/geheim@host":            "REMOTE_URL=htp://…@host: expected",
		"http://good,http://u:geheim@bad:x": "REMOTE_URL=http://…@bad:x: expected",
	} {
		_, err := ParseURLs("REMOTE_URL", strings.Split(in, ","))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "heim") {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
	list, err := ParseURLs("REMOTE_URL", []string{"http://a:1", " https://u:p@b/path?x=1", ""})
	if err != nil || len(list) != 2 || list[1].Host != "b" {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestAPIKeyIsSentInItsBase64Form(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{"id:key": "ApiKey aWQ6a2V5", "aWQ6a2V5": "ApiKey aWQ6a2V5"} {
		conf := Config{APIKey: key}
		if got := conf.authorizations(); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		" 120 ":                         2 * time.Minute,
		"-1":                            0,
		"1.5":                           0,
		"soon":                          0,
		"86400":                         10 * time.Minute,
		"99999999999999999999":          0,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
		"Sun, 01 Mar 2099 12:00:00 GMT": 10 * time.Minute,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func parseURLs(t *testing.T, urls ...string) []*url.URL {
	t.Helper()
	list, err := ParseURLs("REMOTE_URL", urls)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestAFailingEndpointRestsLongerEachTime(t *testing.T) {
	t.Parallel()
	es := newEndpoints(parseURLs(t, "http://a", "http://b", "http://c"), "")
	now := time.Unix(1000, 0)
	pick := func(want string) *endpoint {
		t.Helper()
		e := es.pick(now)
		if e.url.Host != want {
			t.Fatalf("at %d: got %s, want %s", now.Unix(), e.url.Host, want)
		}
		return e
	}
	pick("a")
	b := pick("b")
	pick("c")
	if !es.report(b, now, now, false) {
		t.Error("b failed and is said to be unchanged")
	}
	if es.report(b, now.Add(-time.Millisecond), now, false) || b.rest != firstRest {
		t.Error("a failure under way when b began to rest counts twice")
	}
	pick("a")
	pick("c")
	pick("a")
	now = now.Add(firstRest)
	for range 2 {
		if e := es.pick(now); e == b { // one request tries it again, not two
			es.report(b, now, now, false)
		}
	}
	if b.rest != 2*firstRest {
		t.Errorf("b rests %s after two failures, want %s", b.rest, 2*firstRest)
	}
	for range 20 {
		now = now.Add(maxRest)
		es.report(b, now, now, false)
	}
	if b.rest != maxRest {
		t.Errorf("b rests %s, want at most %s", b.rest, maxRest)
	}
	if !es.report(b, now, now, true) || b.rest != 0 {
		t.Error("b succeeded and still rests")
	}
}

func TestWhenAllEndpointsRestTheOneNearestItsEndIsTried(t *testing.T) {
	t.Parallel()
	es := newEndpoints(parseURLs(t, "http://a", "http://b"), "")
	now := time.Unix(1000, 0)
	es.report(es.list[0], now, now, false)
	es.report(es.list[1], now, now.Add(-time.Millisecond), false)
	if e := es.pick(now); e != es.list[1] {
		t.Errorf("got %s", e.name)
	}
}
