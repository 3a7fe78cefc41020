package search

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxResponse bounds an answer of the engine, bytes: readSize documents of 64 KiB,
// of which JSON can make six times as much, and of 1 MiB, if it does not.
const maxResponse = 256 << 20

// do asks the cluster for something under the index. A URL that cannot be reached
// is followed by the next; every other failure is final.
func (e *Elastic) do(ctx context.Context, path string, body, answer any) (http.Header, error) {
	var payload []byte
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	joiner := "?"
	if strings.Contains(path, "?") {
		joiner = "&"
	}
	path = "/" + url.PathEscape(e.config.Index) + "/" + path + joiner + "ignore_unavailable=true&allow_no_indices=true"
	var failed error
	first := int(e.last.Load())
	for i := range e.nodes {
		at := (first + i) % len(e.nodes)
		header, err := e.ask(ctx, &e.nodes[at], path, payload, answer)
		if _, unreachable := errors.AsType[*url.Error](err); unreachable && ctx.Err() == nil {
			failed = err
			continue
		}
		e.last.Store(int64(at))
		return header, err
	}
	return nil, failed
}

func (e *Elastic) ask(ctx context.Context, n *node, path string, payload []byte, answer any) (http.Header, error) {
	if n.query != "" {
		path += "&" + n.query
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.base+path, bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("search %s: no URL comes of it and the index %q", n.name, e.config.Index)
	}
	if payload != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if n.user != nil {
		password, _ := n.user.Password()
		request.SetBasicAuth(n.user.Username(), password)
	}
	response, err := e.config.Client.Do(request)
	if err != nil {
		if sent, ok := errors.AsType[*url.Error](err); ok {
			sent.URL = n.name
		}
		return nil, fmt.Errorf("search: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("search %s: status %d: %s", n.name, response.StatusCode, e.masked(n, reason(response.Body)))
	}
	limited := &io.LimitedReader{R: response.Body, N: maxResponse}
	if err := json.NewDecoder(limited).Decode(answer); err != nil {
		if limited.N <= 0 {
			return nil, fmt.Errorf("search %s: answer of more than %d bytes", n.name, maxResponse)
		}
		return nil, fmt.Errorf("search %s: answer is not what was asked for: %w", n.name, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4096)) // so that the connection can be used again
	return response.Header, nil
}

// masked is text without the secrets we sent.
func (e *Elastic) masked(n *node, text string) string {
	for _, where := range []string{strings.TrimPrefix(n.base, n.name), n.query} {
		if where != "" {
			text = strings.ReplaceAll(text, where, "…")
		}
	}
	if n.user != nil {
		password, _ := n.user.Password()
		sent := base64.StdEncoding.EncodeToString([]byte(n.user.Username() + ":" + password))
		text = strings.ReplaceAll(text, sent, "…")
		if password != "" {
			text = strings.ReplaceAll(text, password, "…")
		}
	}
	if e.config.Mask != nil {
		text = e.config.Mask(text)
	}
	return text
}

// reason returns the engine's words for an error, or the beginning of its answer.
func reason(body io.Reader) string {
	raw, _ := io.ReadAll(io.LimitReader(body, 64<<10)) // what came tells enough
	type cause struct{ Type, Reason string }
	var answer struct {
		Error struct {
			cause
			Root []cause `json:"root_cause"`
		}
	}
	if json.Unmarshal(raw, &answer) == nil && answer.Error.Type != "" {
		c := answer.Error.cause
		if len(answer.Error.Root) > 0 {
			c = answer.Error.Root[0]
		}
		return c.Type + ": " + c.Reason
	}
	return string(raw[:min(len(raw), 500)])
}
