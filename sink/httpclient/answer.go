package httpclient

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lagermeister/sink"
)

// explain finds the far end's words in an answer that is not 2xx: where a
// redirect leads, the error object of Elasticsearch and OpenSearch, or the
// beginning of whatever text there is.
func explain(resp *http.Response, body []byte) (errorType, reason string) {
	if resp.StatusCode/100 == 3 {
		reason = "redirects are not followed; set the URL it leads to"
		if to, err := url.Parse(resp.Header.Get("Location")); err == nil && to.Host != "" {
			reason += ", at " + to.Scheme + "://" + to.Host // the rest may hold a token
		}
		return "redirect", sink.Words([]byte(reason))
	}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &answer) == nil && len(answer.Error) > 0 {
		var object struct {
			Type   string `json:"type"`
			Reason string `json:"reason"`
		}
		var text string
		switch {
		case json.Unmarshal(answer.Error, &object) == nil && object.Type+object.Reason != "":
			return sink.Words([]byte(object.Type)), sink.Words([]byte(object.Reason))
		case json.Unmarshal(answer.Error, &text) == nil:
			if strings.HasPrefix(text, "no handler found for uri") {
				errorType = sink.NoHandler
			}
			return errorType, sink.Words([]byte(text))
		}
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return "", strings.ToLower(http.StatusText(resp.StatusCode))
	}
	words := sink.Words(body)
	for _, phrase := range plainHTTP {
		if resp.StatusCode == http.StatusBadRequest && strings.Contains(words, phrase) {
			return sink.PlainHTTP, words
		}
	}
	return "", words
}

// plainHTTP is what servers say to that: Go's, nginx, Apache.
var plainHTTP = []string{"HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port", "plain HTTP to an SSL-enabled server port"}

// retryAfter reads a Retry-After header: seconds, or a date that is compared
// with now. What cannot be read, or lies in the past, is 0.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	var wait time.Duration
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return max(0, min(wait, sink.MaxRetryAfter))
}
