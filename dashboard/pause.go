package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// A pause has an end: one that is forgotten must not fill the stream for ever.
const (
	shortestPause = time.Minute
	longestPause  = 7 * 24 * time.Hour
	maxPauseBody  = 4 << 10 // bytes
)

// Errors that a Pauser's wrap.
var (
	ErrNoGroup     = errors.New("there is no group")            // that Consumers tells of
	ErrCannotPause = errors.New("the NATS server cannot pause") // it is too old
)

// Pauser pauses and resumes groups. *view.Pauser is one.
type Pauser interface {
	// Pause has a group get nothing until a time; the zero one ends a pause. who is
	// for the audit.
	Pause(ctx context.Context, stream, group string, until time.Time, who string) error
}

// SetPauser adds POST /api/v2/consumers/pause and /resume, for operators. It is
// called before Serve.
func (s *Server) SetPauser(p Pauser) {
	s.HandleOperator("POST /api/v2/consumers/pause", func(w http.ResponseWriter, r *http.Request, who string) {
		var asked struct {
			Stream  string `json:"stream"`
			Group   string `json:"group"`
			Seconds int64  `json:"seconds"`
		}
		if !readJSON(w, r, &asked) {
			return
		}
		if asked.Seconds < int64(shortestPause.Seconds()) || asked.Seconds > int64(longestPause.Seconds()) {
			problem(w, http.StatusBadRequest, "no such length", fmt.Sprintf("seconds is %d: expected %.0f to %.0f", asked.Seconds, shortestPause.Seconds(), longestPause.Seconds()))
			return
		}
		until := time.Now().Add(time.Duration(asked.Seconds) * time.Second).UTC().Truncate(time.Second)
		answerPause(w, asked.Stream, asked.Group, &until, p.Pause(r.Context(), asked.Stream, asked.Group, until, who))
	})
	s.HandleOperator("POST /api/v2/consumers/resume", func(w http.ResponseWriter, r *http.Request, who string) {
		var asked struct {
			Stream string `json:"stream"`
			Group  string `json:"group"`
		}
		if readJSON(w, r, &asked) {
			answerPause(w, asked.Stream, asked.Group, nil, p.Pause(r.Context(), asked.Stream, asked.Group, time.Time{}, who))
		}
	})
}

// readJSON reads the body of a change, or answers what is wrong with it.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxPauseBody))
	body.DisallowUnknownFields()
	if err := body.Decode(into); err != nil {
		problem(w, http.StatusBadRequest, "not understood", "read the body of the request: "+err.Error())
		return false
	}
	return true
}

func answerPause(w http.ResponseWriter, stream, group string, until *time.Time, err error) {
	switch {
	case errors.Is(err, ErrNoGroup):
		problem(w, http.StatusNotFound, "no such group", err.Error())
	case errors.Is(err, ErrCannotPause):
		problem(w, http.StatusNotImplemented, "the NATS server is too old", err.Error())
	case err != nil:
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, "not done", err.Error())
	default:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string]any{"stream": stream, "group": group, "paused_until": until}) // the peer may be gone
	}
}
