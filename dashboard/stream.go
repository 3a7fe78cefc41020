package dashboard

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"lagermeister/dashboard/live"
)

// streamProtocol is the subprotocol of /api/v2/stream; see package live.
const streamProtocol = "lagermeister.v2"

// SetLive adds GET /api/v2/stream, a websocket of what moves, GET /api/v2/series,
// the history behind it, GET /api/v2/programs, and GET /api/v2/boot. It is called
// before Serve.
func (s *Server) SetLive(hub *live.Hub) {
	s.Handle("GET /api/v2/stream", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serveSocket(w, r, []string{streamProtocol}, func(r *http.Request) session {
			client := hub.Join(uiVersion(), s.cfg.roleOf(r).String())
			return session{
				send:  func(conn *websocket.Conn, gone <-chan struct{}) (int, string) { return s.streamTo(conn, client, gone) },
				take:  client.Handle,
				close: client.Leave,
			}
		})
	}))
	s.Handle("GET /api/v2/series", serveSeries(hub.History))
	s.Handle("GET /api/v2/programs", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(hub.Programs()) // the peer may be gone
	}))
	s.Handle("GET /api/v2/boot", s.serveBoot(hub.History))
}

// streamTo sends frames until one side has enough, and returns what to tell the
// other one.
func (s *Server) streamTo(conn *websocket.Conn, client *live.Client, gone <-chan struct{}) (code int, why string) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case <-client.Ready():
			frame := client.Frame()
			if frame == nil {
				continue
			}
			_ = conn.SetWriteDeadline(time.Now().Add(writeLimit))
			if conn.WriteMessage(websocket.TextMessage, frame) != nil {
				return websocket.CloseGoingAway, ""
			}
		case <-ping.C:
			if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit)) != nil {
				return websocket.CloseGoingAway, ""
			}
		case <-gone:
			return websocket.CloseNormalClosure, ""
		case <-s.stop:
			return websocket.CloseGoingAway, "server is stopping"
		}
	}
}
