package receiver

import "bytes"

// plainRequest reads the header of a request that begins at b[0]. plain means:
// net/http would take it for a POST to ServeHTTP, would keep the connection, and
// there is nothing in it that take looks at but its body, b[head:size]. size may
// be more than there is in b; it is 0 while the header is not complete. In doubt
// it is not plain.
func plainRequest(b []byte) (head, size int, plain bool) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, 0, bytes.HasPrefix(b, []byte("POST ")) || len(b) < len("POST ")
	}
	line, fields, _ := bytes.Cut(b[:end+2], []byte("\r\n"))
	if !plainLine(line) {
		return 0, 0, false
	}
	hosts, length := 0, -1
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, found := bytes.Cut(line, []byte(":"))
		value = bytes.Trim(value, " \t")
		if !found || !all(name, isName) || !all(value, isText) {
			return 0, 0, false
		}
		switch len(name) { // cheaper than comparing all of them
		case len("Host"):
			if bytes.EqualFold(name, []byte("Host")) {
				hosts++
				if !all(value, isHost) {
					return 0, 0, false
				}
			}
		case len("Content-Length"):
			if bytes.EqualFold(name, []byte("Content-Length")) {
				if length >= 0 {
					return 0, 0, false
				}
				if length = number32(value); length < 0 {
					return 0, 0, false
				}
			}
		case len("Connection"):
			if bytes.EqualFold(name, []byte("Connection")) && !bytes.EqualFold(value, []byte("keep-alive")) {
				return 0, 0, false
			}
		case len("Expect"), len("Upgrade"), len("Content-Encoding"), len("Transfer-Encoding"):
			for _, odd := range [...]string{"Expect", "Upgrade", "Trailer", "Content-Encoding", "Transfer-Encoding"} {
				if len(odd) == len(name) && bytes.EqualFold(name, []byte(odd)) {
					return 0, 0, false
				}
			}
		}
	}
	if hosts != 1 || length < 0 {
		return 0, 0, false
	}
	return end + 4, end + 4 + length, true
}

// plainLine tells POST of a path that needs no decoding and cannot be /health.
func plainLine(line []byte) bool {
	target, post := bytes.CutPrefix(line, []byte("POST /"))
	target, http11 := bytes.CutSuffix(target, []byte(" HTTP/1.1"))
	return post && http11 && (len(target) == 0 || all(target, isPath)) && !bytes.HasPrefix(target, []byte("health"))
}

// number32 reads up to nine digits, and is -1 for all else.
func number32(b []byte) (n int) {
	if len(b) == 0 || len(b) > 9 {
		return -1
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// Kinds of bytes; each is a part of what HTTP allows.
const (
	isName = 1 << iota
	isText
	isHost
	isPath
)

var kinds = func() (kinds [256]byte) {
	for c := ' '; c <= '~'; c++ {
		kinds[c] |= isText
	}
	mark := func(chars string, kind byte) {
		for _, c := range []byte(chars) {
			kinds[c] |= kind
		}
	}
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	mark(letters, isName|isHost|isPath)
	mark(".:[]", isHost)
	mark("./?=&~:,+", isPath)
	return kinds
}()

// all says that each byte is of a kind; of names, hosts and paths there must be one.
func all(b []byte, kind byte) bool {
	for _, c := range b {
		if kinds[c]&kind == 0 {
			return false
		}
	}
	return kind == isText || len(b) > 0
}
