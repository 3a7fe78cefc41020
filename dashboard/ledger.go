package dashboard

import "net/http"

// Ledger tells what became of every record. *ledger.Book is one.
type Ledger interface {
	// JSON is the balance of every stream and group. The error says why there is
	// none yet.
	JSON() ([]byte, error)
}

// SetLedger adds GET /api/v2/ledger. It is called before Serve.
func (s *Server) SetLedger(l Ledger) {
	s.Handle("GET /api/v2/ledger", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		books, err := l.JSON()
		if err != nil {
			w.Header().Set("Retry-After", "5")
			problem(w, http.StatusServiceUnavailable, "no balance", err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(books) // the peer may be gone
	}))
}
