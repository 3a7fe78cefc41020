package bulk

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// reader walks over JSON text in place. It is as strict as encoding/json, since
// an answer that is not JSON to the last byte is not believed, and stops at the
// first error, which err keeps; after that every method does nothing.
type reader struct {
	data []byte
	at   int
	err  error
}

// maxDepth bounds recursion; answers of the bulk API are 8 deep or so.
const maxDepth = 200

func (r *reader) fail(expected string) {
	if r.err != nil {
		return
	}
	if r.at >= len(r.data) {
		r.err = fmt.Errorf("JSON ends at byte %d, expected %s", r.at, expected)
		return
	}
	r.err = fmt.Errorf("JSON has %q at byte %d, expected %s", r.data[r.at], r.at, expected)
}

// peek skips white space and returns the next byte, 0 at the end or after an
// error.
func (r *reader) peek() byte {
	if r.err != nil {
		return 0
	}
	for ; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (r *reader) expect(c byte) {
	if r.peek() != c || r.err != nil {
		r.fail("'" + string(rune(c)) + "'")
		return
	}
	r.at++
}

// end expects nothing but white space.
func (r *reader) end() {
	r.peek()
	if r.at < len(r.data) {
		r.fail("the end")
	}
}

// more starts or goes on with the elements of an object or array: first is true
// for the first call, closer its last byte. It returns false behind the closer.
func (r *reader) more(first bool, closer byte) bool {
	c := r.peek()
	switch {
	case r.err != nil:
		return false
	case c == closer:
		r.at++
		return false
	case first:
		return true
	case c != ',':
		r.fail("',' or '" + string(rune(closer)) + "'")
		return false
	}
	r.at++
	return true
}

// key reads `"name":` and returns the name between the quotes, escapes as they
// are: the names looked for hold none, and one written with escapes is not
// recognised.
func (r *reader) key() []byte {
	s := r.text()
	r.expect(':')
	return s
}

// text reads a string and returns what is between the quotes, escapes as they
// are.
func (r *reader) text() []byte {
	r.expect('"')
	if r.err != nil {
		return nil
	}
	start := r.at
	for r.at < len(r.data) {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			return r.data[start : r.at-1]
		case c == '\\':
			r.at++
			r.escape()
			if r.err != nil {
				return nil
			}
		case c < ' ':
			r.fail("no control character in a string")
			return nil
		default:
			r.at++
		}
	}
	r.fail("the end of a string")
	return nil
}

func (r *reader) escape() {
	if r.at >= len(r.data) {
		r.fail("an escape")
		return
	}
	switch r.data[r.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		r.at++
	case 'u':
		r.at++
		for range 4 {
			if r.at >= len(r.data) || !isHex(r.data[r.at]) {
				r.fail("a hex digit")
				return
			}
			r.at++
		}
	default:
		r.fail("an escape")
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// str reads a string and decodes its escapes. It allocates: for errors only.
func (r *reader) str() string {
	r.peek()
	start := r.at
	r.text()
	if r.err != nil {
		return ""
	}
	var s string
	if err := json.Unmarshal(r.data[start:r.at], &s); err != nil {
		r.err = err
	}
	return s
}

// integer reads a number without fraction and exponent that fits an int32.
func (r *reader) integer() int {
	r.peek()
	start := r.at
	r.number()
	n := 0
	for _, c := range r.data[start:r.at] {
		switch {
		case r.err != nil:
			return 0
		case c < '0' || c > '9' || n > (math.MaxInt32-9)/10:
			r.err = errors.New("JSON has " + string(r.data[start:min(r.at, start+32)]) + ", expected a small whole number")
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

func (r *reader) digits() {
	start := r.at
	for r.at < len(r.data) && '0' <= r.data[r.at] && r.data[r.at] <= '9' {
		r.at++
	}
	if r.at == start {
		r.fail("a digit")
	}
}

func (r *reader) number() {
	if r.err != nil {
		return
	}
	has := func(chars string) bool {
		for i := range len(chars) {
			if r.err == nil && r.at < len(r.data) && r.data[r.at] == chars[i] {
				r.at++
				return true
			}
		}
		return false
	}
	has("-")
	if !has("0") {
		r.digits()
	}
	if has(".") {
		r.digits()
	}
	if has("eE") {
		has("+-")
		r.digits()
	}
}

// skip reads one value of any kind.
func (r *reader) skip(depth int) {
	switch c := r.peek(); {
	case r.err != nil:
	case depth > maxDepth:
		r.err = fmt.Errorf("JSON is nested deeper than %d at byte %d", maxDepth, r.at)
	case c == '{':
		r.at++
		for first := true; r.more(first, '}'); first = false {
			r.key()
			r.skip(depth + 1)
		}
	case c == '[':
		r.at++
		for first := true; r.more(first, ']'); first = false {
			r.skip(depth + 1)
		}
	case c == '"':
		r.text()
	case c == 't':
		r.word("true")
	case c == 'f':
		r.word("false")
	case c == 'n':
		r.word("null")
	case c == '-' || '0' <= c && c <= '9':
		r.number()
	default:
		r.fail("a value")
	}
}

func (r *reader) word(w string) {
	if r.err != nil {
		return
	}
	if r.at+len(w) > len(r.data) || string(r.data[r.at:r.at+len(w)]) != w {
		r.fail(w)
		return
	}
	r.at += len(w)
}
