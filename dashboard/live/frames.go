package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"lagermeister/heka/matcher"
	"lagermeister/search"
)

const (
	// MaxFrame is the longest frame that Handle takes, bytes.
	MaxFrame = 4 << 10
	maxTails = 4
	maxID    = 1 << 30
)

// frame is a message of a client.
type frame struct {
	T      string   `json:"t"`
	ID     int      `json:"id"`
	Topics []string `json:"topics"`
	Resume uint64   `json:"resume"`
	Q      string   `json:"q"`
	Text   string   `json:"text"`
	Max    int      `json:"max"`
	On     bool     `json:"on"`
}

// failure is an err message.
type failure struct {
	T        string `json:"t"`
	ID       int    `json:"id"`
	Title    string `json:"title"`
	Detail   string `json:"detail"`
	Offset   *int   `json:"offset,omitempty"` // bytes into q
	Excerpt  string `json:"excerpt,omitempty"`
	Expected string `json:"expected,omitempty"`
}

// Handle does what a frame of the client asks for. What makes no sense is
// answered with an err message.
func (c *Client) Handle(text []byte) {
	var f frame
	if len(text) > MaxFrame {
		c.fail(failure{Title: "bad frame", Detail: fmt.Sprintf("%d bytes: expected up to %d", len(text), MaxFrame)})
		return
	}
	if err := json.Unmarshal(text, &f); err != nil {
		c.fail(failure{Title: "bad frame", Detail: err.Error()})
		return
	}
	if f.ID < 0 || f.ID > maxID {
		c.fail(failure{Title: "bad frame", Detail: fmt.Sprintf("id %d: expected 0 to %d", f.ID, maxID)})
		return
	}
	switch f.T {
	case "sub":
		c.subscribe(&f)
	case "tail":
		c.openTail(&f)
	case "untail":
		c.mu.Lock()
		delete(c.tails, f.ID)
		c.mu.Unlock()
		signal(c.hub.tailing)
	case "slow":
		c.mu.Lock()
		c.slow = f.On
		c.mu.Unlock()
	default:
		c.fail(failure{ID: f.ID, Title: "bad frame", Detail: fmt.Sprintf("t %q: expected sub, tail, untail or slow", f.T)})
	}
}

// subscribe replaces the topics the client wants.
func (c *Client) subscribe(f *frame) {
	for _, name := range f.Topics {
		if name != "m" && !slices.Contains(topicNames[:status], name) {
			c.fail(failure{ID: f.ID, Title: "unknown topic", Detail: fmt.Sprintf("%q: expected m, ledger, consumers or programs", name)})
			return
		}
	}
	h := c.hub
	h.mu.Lock() // so that no m comes between what is sent again and what is new
	c.mu.Lock()
	had := c.m
	c.m = slices.Contains(f.Topics, "m")
	for t := range status {
		if on := slices.Contains(f.Topics, topicNames[t]); on != c.topics[t].on {
			c.topics[t] = subscription{on: on}
		}
	}
	wants := c.m && !had
	c.mu.Unlock()
	if wants {
		h.resume(c, f.Resume)
	}
	h.mu.Unlock()
	h.wanted()
}

// openTail begins a tail, or changes one.
func (c *Client) openTail(f *frame) {
	t := &tail{id: f.ID, max: maxRows}
	if f.Max > 0 {
		t.max = min(f.Max, maxRows)
	}
	if f.Q != "" {
		var err error
		if t.spec, err = matcher.Parse(f.Q); err != nil {
			bad := failure{ID: f.ID, Title: "match spec", Detail: err.Error()}
			if syntax, ok := errors.AsType[*matcher.SyntaxError](err); ok {
				bad.Detail, bad.Offset, bad.Excerpt, bad.Expected = syntax.Message, &syntax.Offset, syntax.Excerpt(), syntax.Expected
			}
			c.fail(bad)
			return
		}
	}
	if f.Text != "" {
		t.words = search.Tokens([]byte(f.Text))
		slices.Sort(t.words)
		t.words = slices.Compact(t.words)
		if len(t.words) == 0 || len(t.words) > search.MaxTokens {
			c.fail(failure{ID: f.ID, Title: "words", Detail: fmt.Sprintf("%d words: expected 1 to %d, of letters and digits", len(t.words), search.MaxTokens)})
			return
		}
	}
	c.mu.Lock()
	_, change := c.tails[f.ID]
	full := !change && len(c.tails) == maxTails
	if !full {
		c.tails[f.ID] = t
	}
	c.mu.Unlock()
	if full {
		c.fail(failure{ID: f.ID, Title: "too many tails", Detail: fmt.Sprintf("%d are open: close one", maxTails)})
		return
	}
	signal(c.hub.tailing)
}

// fail tells the client what is wrong; of many errors only the last ones.
func (c *Client) fail(f failure) {
	f.T = "err"
	text, _ := json.Marshal(f) // always can
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, text)
	if len(c.errs) > maxErrs {
		c.errs = c.errs[1:]
	}
}
