package dashboard

import (
	"encoding/json"
	"net/http"

	"lagermeister/dashboard/live"
	"lagermeister/search"
)

// boot is what the page must know before it can show anything.
type boot struct {
	Version     string       `json:"version"`
	UI          string       `json:"ui"` // of the page's script: another one means that the page is an old one
	Role        string       `json:"role"`
	ReadOnly    bool         `json:"read_only"`
	Environment string       `json:"environment"`
	Store       search.About `json:"store"`
	Subject     string       `json:"subject"` // of the stats events
	Thresholds  struct {
		SeenWarn  int `json:"seen_warn_s"`
		SeenError int `json:"seen_error_s"`
	} `json:"thresholds"`
	History struct {
		Began  int64 `json:"began"` // unix ms
		Fine   int   `json:"fine_s"`
		Coarse int   `json:"coarse_s"`
	} `json:"history"`
}

// About is what only wiring knows of the whole.
type About struct {
	Version string
	Subject string // of the stats events
}

// SetAbout says what /api/v2/boot and /api/v2/status tell. It is called before
// Serve.
func (s *Server) SetAbout(a About) {
	s.SetVersion(a.Version)
	s.about = a
}

func (s *Server) serveBoot(history *live.History) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		may := s.cfg.roleOf(r)
		b := boot{
			Version: s.version, UI: uiVersion(), Role: may.String(), ReadOnly: may < operator,
			Environment: s.cfg.Environment, Store: storeAbout(s.store), Subject: s.about.Subject,
		}
		b.Thresholds.SeenWarn, b.Thresholds.SeenError = 10, 60
		b.History.Began = history.Began().UnixMilli()
		b.History.Fine, b.History.Coarse = live.Fine, live.Coarse
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(b) // the peer may be gone
	})
}

// storeAbout tells where search looks.
func storeAbout(store search.Store) search.About {
	if store == nil {
		return search.About{Kind: "none", Detail: errNoStore.Error()}
	}
	return store.About()
}

// String is the role as the page knows it.
func (r role) String() string {
	switch r {
	case operator:
		return "operator"
	case viewer:
		return "viewer"
	}
	return "nobody"
}
