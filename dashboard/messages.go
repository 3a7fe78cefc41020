package dashboard

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

const (
	maxSockets = 64               // open websockets
	pingEvery  = 20 * time.Second // so that a peer that vanished is noticed
	pongWithin = 60 * time.Second
	writeLimit = 10 * time.Second // for one frame; a viewer that takes longer is gone

	// Nobody has anything to say to us: what comes is discarded, and who goes on
	// talking is shut out.
	maxClientMessage = 4 << 10 // bytes
	maxClientTalk    = 100     // messages between two pings
)

// serveMessages is the live feed.
func (s *Server) serveMessages(w http.ResponseWriter, r *http.Request) {
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
	upgrader := websocket.Upgrader{HandshakeTimeout: writeLimit, CheckOrigin: func(*http.Request) bool { return true }} // checked above
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	defer conn.Close()
	defer s.track(conn)()

	gone := make(chan struct{})
	go func() {
		defer close(gone)
		discard(conn)
	}()
	defer func() { conn.Close(); <-gone }() // ends discard
	code, why := s.feedTo(conn, gone)
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
func (s *Server) feedTo(conn *websocket.Conn, gone <-chan struct{}) (code int, why string) {
	viewer := s.feed.Subscribe()
	defer viewer.Close()
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

// discard reads what a client sends, which keeps the connection's control frames
// going, until it ends, breaks a limit or does not answer pings.
func discard(conn *websocket.Conn) {
	conn.SetReadLimit(maxClientMessage)
	talk := 0
	alive := func(string) error {
		talk = 0
		return conn.SetReadDeadline(time.Now().Add(pongWithin))
	}
	_ = alive("")
	conn.SetPongHandler(alive)
	for {
		if _, _, err := conn.NextReader(); err != nil {
			return
		}
		if talk++; talk > maxClientTalk {
			return
		}
	}
}
