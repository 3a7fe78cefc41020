package dashboard

import (
	"encoding/json"
	"net/http"
)

// Setting is what a variable of the process has come to, without any secret.
type Setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"` // empty for a secret
	Default string `json:"default"`
	Changed bool   `json:"changed"` // it is not the default
	Secret  bool   `json:"secret"`
	Masked  bool   `json:"masked"` // there is more to it than the value shows
	Desc    string `json:"description"`
}

// SetSettings adds GET /api/v2/settings: what the process, called program, runs
// with. Settings name hosts, files and addresses: they are for operators. It is
// called before Serve.
func (s *Server) SetSettings(program string, list []Setting) {
	s.Handle("GET /api/v2/settings", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.cfg.roleOf(r) < operator {
			problem(w, http.StatusForbidden, "for operators only",
				"settings name hosts, files and addresses: send Authorization: Bearer with PROXY_OPERATOR_TOKEN, or sign in with it")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string]any{"program": program, "settings": list}) // the peer may be gone
	}))
}
