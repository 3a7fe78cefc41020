package deadletter

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"
)

// ndjson is one JSON value a line.
const ndjson = "application/x-ndjson"

// tellEvery is how often a change says how far it is.
const tellEvery = 250 * time.Millisecond

// progress answers a request for a change, if it wants that line by line. It is
// used by one goroutine.
type progress struct {
	w     http.ResponseWriter
	lines bool

	begun bool // the first line is written
	told  time.Time
}

// tell says how far the change is.
func (p *progress) tell(n Counts) {
	if !p.lines || time.Since(p.told) < tellEvery {
		return
	}
	p.told = time.Now()
	p.line(n)
}

// end says what has become of it.
func (p *progress) end(answer any, err error) {
	switch {
	case !p.lines, err != nil && !p.begun:
		reply(p.w, answer, err)
	case err != nil:
		p.line(map[string]any{"problem": problemOf(statusOf(err), answer, err)})
	default:
		p.line(map[string]any{"result": answer})
	}
}

func (p *progress) line(v any) {
	if !p.begun {
		p.begun = true
		p.w.Header().Set("Content-Type", ndjson)
		p.w.Header().Set("Cache-Control", "no-store")
	}
	_ = json.NewEncoder(p.w).Encode(v) // the peer may be gone; then the request's context ends
	_ = http.NewResponseController(p.w).Flush()
}

// accepts says whether r asks for answers of a type by name.
func accepts(r *http.Request, want string) bool {
	for _, header := range r.Header.Values("Accept") {
		for kind := range strings.SplitSeq(header, ",") {
			if is, _, err := mime.ParseMediaType(strings.TrimSpace(kind)); err == nil && is == want {
				return true
			}
		}
	}
	return false
}
