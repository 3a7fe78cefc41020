// Package httpserver makes the HTTP servers that people, monitors and our own
// sink talk to: admin port, dashboard, search store. The intake has limits of its
// own, in package receiver.
//
// The promise: no client can hold one for long or make it grow without bound,
// however slowly it sends or reads and however often it connects.
package httpserver

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	headerTimeout = 5 * time.Second // from a connection, or its next request, to the end of the header
	idleTimeout   = time.Minute     // between requests
	maxHeader     = 16 << 10        // bytes; net/http reads 4 KiB more
)

// Limits are what differs from server to server.
type Limits struct {
	Connections int64         // open at a time; further ones are closed at once
	Read        time.Duration // from the first byte of a request to the last of its body
	Write       time.Duration // from the end of the header until the client has taken the answer
}

// New returns a server of HTTP/1.1 for h. A websocket that h takes over is h's
// affair: it counts no longer, and has no time limit.
func New(h http.Handler, l Limits) *http.Server {
	var open atomic.Int64
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: min(headerTimeout, l.Read),
		ReadTimeout:       l.Read,
		WriteTimeout:      l.Write,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if open.Add(1) > l.Connections {
					c.Close() // StateClosed follows
				}
			case http.StateHijacked, http.StateClosed:
				open.Add(-1)
			}
		},
	}
}
