package httpclient

import (
	"net/url"
	"strings"
	"sync"
	"time"
)

// An endpoint that fails rests, twice as long each time, so that its
// neighbours get the work. Then one request tries it again.
const (
	firstRest = time.Second
	maxRest   = time.Minute
)

// endpoint is one URL of the far end.
type endpoint struct {
	url           *url.URL      // without user information
	authorization string        // header value, or empty
	name          string        // scheme and host: fit for errors and metrics
	rest          time.Duration // 0: in use
	since, until  time.Time     // of the rest
}

// endpoints chooses among endpoints, in turn; safe for concurrent use.
type endpoints struct {
	mu   sync.Mutex
	list []*endpoint
	next int
}

// newEndpoints takes user information out of the URLs; it stands above the
// authorization that holds for all.
func newEndpoints(urls []*url.URL, authorization string) *endpoints {
	es := &endpoints{}
	for _, u := range urls {
		clean := *u
		clean.User = nil
		clean.Path = strings.TrimRight(u.Path, "/")
		clean.RawPath = strings.TrimRight(u.RawPath, "/")
		e := &endpoint{url: &clean, authorization: authorization, name: name(u)}
		if u.User != nil {
			password, _ := u.User.Password()
			e.authorization = "Basic " + basic(u.User.Username(), password)
		}
		es.list = append(es.list, e)
	}
	return es
}

// pick returns the next endpoint that is not resting; when all rest, the one
// that has rested enough soonest: an attempt that was asked for is made.
func (es *endpoints) pick(now time.Time) *endpoint {
	es.mu.Lock()
	defer es.mu.Unlock()
	var best *endpoint
	for i := range es.list {
		e := es.list[(es.next+i)%len(es.list)]
		if e.rest == 0 || !now.Before(e.until) {
			best = e
			es.next = (es.next + i + 1) % len(es.list)
			break
		}
		if best == nil || e.until.Before(best.until) {
			best = e
		}
	}
	if best.rest > 0 {
		best.until = now.Add(best.rest) // others wait for what this attempt brings
	}
	return best
}

// report says how an attempt at e that began at start went, and returns whether
// e came into use or went out of it by that. Failures of attempts that were
// under way when e began to rest count as the one that made it rest.
func (es *endpoints) report(e *endpoint, start, now time.Time, well bool) (changed bool) {
	es.mu.Lock()
	defer es.mu.Unlock()
	resting := e.rest > 0
	switch {
	case well:
		e.rest = 0
		return resting
	case resting && start.Before(e.since):
		return false
	}
	e.rest = min(max(2*e.rest, firstRest), maxRest)
	e.since, e.until = now, now.Add(e.rest)
	return !resting
}

// replacer takes secrets out of a text.
func (c *Config) replacer(urls []*url.URL) *strings.Replacer {
	var masks []string
	for _, s := range c.secrets(urls) {
		masks = append(masks, s, "…")
	}
	return strings.NewReplacer(masks...)
}

// secrets lists what must not be repeated in an error: credentials as they are
// and as they are sent, and paths and queries long enough to be one.
func (c *Config) secrets(urls []*url.URL) []string {
	var list []string
	add := func(s string) {
		if len(s) >= 4 { // a shorter one would mask half of every sentence
			list = append(list, s)
		}
	}
	for _, a := range c.authorizations() {
		_, token, _ := strings.Cut(a, " ")
		add(token)
	}
	add(c.Password)
	add(c.APIKey)
	for _, u := range urls {
		if password, set := u.User.Password(); set {
			add(password)
			add(url.QueryEscape(password))
			add(basic(u.User.Username(), password))
		}
		if len(u.Path) >= 16 {
			add(strings.TrimRight(u.Path, "/"))
		}
		add(u.RawQuery)
	}
	return list
}
