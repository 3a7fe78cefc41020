package dashboard

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// role is what somebody may do.
type role int

const (
	nobody   role = iota
	viewer        // may look
	operator      // may change things, too
)

// cookie holds a browser's session. It is HttpOnly, so no script gets at it, and
// SameSite=Strict, so no other site can use it.
const cookie = "lagermeister_session"

// roleOf tells what the sender of r may do.
func (c *Config) roleOf(r *http.Request) role {
	switch {
	case c.guarded():
	case c.Insecure && !isLoopback(c.BindAddress):
		return viewer // what INSECURE allows to everybody is to look
	default:
		return operator
	}
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return c.roleOfToken(token)
	}
	if session, err := r.Cookie(cookie); err == nil {
		for _, t := range c.tokens() {
			if equal(session.Value, sessionOf(t.token)) {
				return t.role
			}
		}
	}
	return nobody
}

func (c *Config) roleOfToken(token string) role {
	for _, t := range c.tokens() {
		if equal(token, t.token) {
			return t.role
		}
	}
	return nobody
}

type tokenRole struct {
	token string
	role  role
}

// tokens returns the tokens that are set, the mightier one first.
func (c *Config) tokens() (list []tokenRole) {
	for _, t := range []tokenRole{{c.OperatorToken, operator}, {c.Token, viewer}} {
		if t.token != "" {
			list = append(list, t)
		}
	}
	return list
}

// sessionOf is the cookie's value for a token: it follows from the token, so a
// restart ends no session and a new token ends all, but does not tell it.
func sessionOf(token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("lagermeister dashboard session"))
	return hex.EncodeToString(mac.Sum(nil))
}

// equal takes the same time wherever a and b differ, and for any lengths.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// knowsHost reports whether r is addressed to this server by a name of its own.
// Without tokens a page that has its own name point to 127.0.0.1 would otherwise
// be let in as if it were ours, there even as an operator's.
func (c *Config) knowsHost(r *http.Request) bool {
	return c.guarded() || c.Insecure && !isLoopback(c.BindAddress) || isLoopback(hostname(r.Host)) || c.allows(r.Host)
}

// knowsOrigin reports whether the page that sent r, if it was a page, is ours or
// allowed. Programs send no Origin; browsers always do with a websocket.
func (c *Config) knowsOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && (strings.EqualFold(u.Host, r.Host) || c.allows(u.Host))
}

func (c *Config) allows(host string) bool {
	return slices.ContainsFunc(c.AllowedOrigins, func(allowed string) bool {
		return strings.EqualFold(allowed, host) || strings.EqualFold(allowed, hostname(host))
	})
}

// hostname is host without a port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}
