package dashboard

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"lagermeister/stats"
)

const (
	maxSockets = 64               // open websockets
	pingEvery  = 20 * time.Second // so that a peer that vanished is noticed
	pongWithin = 60 * time.Second
	writeLimit = 10 * time.Second // for one frame; a viewer that takes longer is gone

	// Nobody has much to say to us: who goes on talking is shut out.
	maxClientMessage = 4 << 10 // bytes
	maxClientTalk    = 100     // messages between two pings
)

// serveMessages is the live feed of the original.
func (s *Server) serveMessages(w http.ResponseWriter, r *http.Request) {
	s.serveSocket(w, r, nil, func(*http.Request) session {
		viewer := s.feed.Subscribe()
		return session{
			send:  func(conn *websocket.Conn, gone <-chan struct{}) (int, string) { return s.feedTo(conn, viewer, gone) },
			close: viewer.Close,
		}
	})
}

// session is what is done with a websocket. send writes until one side has enough
// and returns what to tell the other one; gone is closed when that has ended. take
// is given what the client sends, one message at a time; nil discards it. close is
// called last.
type session struct {
	send  func(conn *websocket.Conn, gone <-chan struct{}) (code int, why string)
	take  func(message []byte)
	close func()
}

// serveSocket makes a request a websocket of one of the protocols, if its sender
// may have one, and serves it until its end.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, protocols []string, open func(*http.Request) session) {
	if !s.cfg.knowsOrigin(r) {
		problem(w, http.StatusForbidden, "foreign page",
			fmt.Sprintf("pages of %.100q may not read the live events: if they should, set PROXY_ALLOWED_ORIGINS", r.Header.Get("Origin")))
		return
	}
	if !s.enter() {
		w.Header().Set("Retry-After", "10")
		problem(w, http.StatusServiceUnavailable, "too many viewers", fmt.Sprintf("%d are connected, or the server is stopping", maxSockets))
		return
	}
	defer s.leave()
	upgrader := websocket.Upgrader{ // origins are checked above
		HandshakeTimeout: writeLimit, Subprotocols: protocols, CheckOrigin: func(*http.Request) bool { return true },
		Error: func(w http.ResponseWriter, _ *http.Request, status int, why error) {
			problem(w, status, "no websocket", why.Error())
		},
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	defer s.track(conn)()
	served := open(r)
	defer served.close()

	gone := make(chan struct{})
	go func() {
		defer close(gone)
		listen(conn, served.take)
	}()
	defer func() { conn.Close(); <-gone }() // ends listen
	code, why := served.send(conn, gone)
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(time.Second))
}

// enter counts a websocket in, unless there are too many or it is too late.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || s.entered == maxSockets {
		return false
	}
	s.entered++
	s.serving.Add(1)
	return true
}

func (s *Server) leave() {
	s.mu.Lock()
	s.entered--
	s.mu.Unlock()
	s.serving.Done()
}

// track makes Shutdown know conn until untrack is called.
func (s *Server) track(conn *websocket.Conn) (untrack func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[conn] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sockets, conn)
	}
}

// feedTo sends events until one side has enough, and returns what to tell the
// other one.
func (s *Server) feedTo(conn *websocket.Conn, viewer *stats.Viewer, gone <-chan struct{}) (code int, why string) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		select {
		case event, ok := <-viewer.Events():
			if !ok {
				return websocket.CloseTryAgainLater, "too slow, events were dropped"
			}
			_ = conn.SetWriteDeadline(time.Now().Add(writeLimit))
			if conn.WriteMessage(websocket.TextMessage, event) != nil {
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

// listen reads what a client sends, which keeps the connection's control frames
// going, until it ends, breaks a limit or does not answer pings.
func listen(conn *websocket.Conn, take func(message []byte)) {
	conn.SetReadLimit(maxClientMessage)
	talk := 0
	alive := func(string) error {
		talk = 0
		return conn.SetReadDeadline(time.Now().Add(pongWithin))
	}
	_ = alive("")
	conn.SetPongHandler(alive)
	for {
		_, message, err := conn.NextReader()
		if err != nil {
			return
		}
		if talk++; talk > maxClientTalk {
			return
		}
		if take == nil {
			continue
		}
		text, err := io.ReadAll(message)
		if err != nil {
			return
		}
		take(text)
	}
}
