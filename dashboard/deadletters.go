package dashboard

import (
	"fmt"
	"mime"
	"net"
	"net/http"
)

// DeadLetters shows and changes dead letters. *deadletter.API is one.
type DeadLetters interface {
	// Handler answers GET below /api/v2/dead.
	http.Handler
	// Change answers POST /api/v2/dead/replay and /api/v2/dead/drop, whose body is
	// JSON; who is for the audit.
	Change(w http.ResponseWriter, r *http.Request, who string)
}

// SetDeadLetters adds /api/v2/dead: viewers may look, operators change. It is
// called before Serve.
func (s *Server) SetDeadLetters(d DeadLetters) {
	for _, what := range []string{"", "/entries", "/entry", "/audit"} {
		s.Handle("GET /api/v2/dead"+what, d)
	}
	s.HandleOperator("POST /api/v2/dead/replay", d.Change)
	s.HandleOperator("POST /api/v2/dead/drop", d.Change)
}

// HandleOperator adds a route that changes things, as JSON asks for: for operators
// only, and not for the pages of other sites, whose requests carry the operator's
// cookie or come from the operator's own machine, but whose forms can say no such
// Content-Type. who names the sender for an audit.
func (s *Server) HandleOperator(pattern string, h func(w http.ResponseWriter, r *http.Request, who string)) {
	foreign := http.NewCrossOriginProtection()
	s.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.roleOf(r) < operator {
			problem(w, http.StatusForbidden, "for operators only", "send Authorization: Bearer with PROXY_OPERATOR_TOKEN, or sign in with it")
			return
		}
		if err := foreign.Check(r); err != nil {
			problem(w, http.StatusForbidden, "foreign page", "only the dashboard's own pages may change things: "+err.Error())
			return
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			problem(w, http.StatusUnsupportedMediaType, "no JSON", "expected Content-Type: application/json")
			return
		}
		h(w, r, s.who(r))
	}))
}

// who says where an operator's request comes from, as far as that is known.
func (s *Server) who(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if !s.cfg.guarded() {
		return "anybody at " + host
	}
	return fmt.Sprintf("operator token at %s", host)
}
