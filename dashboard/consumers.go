package dashboard

import (
	"context"
	"net/http"
)

// Consumers tells what JetStream says of streams and groups. *view.View is one.
type Consumers interface {
	// JSON is the newest report, which says so itself when it is old.
	JSON(ctx context.Context) ([]byte, error)
}

// SetConsumers adds GET /api/v2/consumers. It is called before Serve.
func (s *Server) SetConsumers(c Consumers) {
	s.Handle("GET /api/v2/consumers", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		report, err := c.JSON(r.Context())
		if err != nil {
			w.Header().Set("Retry-After", "5")
			problem(w, http.StatusServiceUnavailable, "streams and groups could not be read", err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(report) // the peer may be gone
	}))
}
