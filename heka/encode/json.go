package encode

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string, escaped as Heka does it: quote,
// backslash and control characters as \u00XX, all other characters as they are.
func appendString(dst, s []byte) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s)
	return append(dst, '"')
}

// appendEscaped appends the inside of a JSON string. Nearly all text is long
// runs of clean ASCII, which are found by plain and copied whole.
func appendEscaped(dst, s []byte) []byte {
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		s = s[n:]
		if len(s) == 0 {
			return dst
		}
		if c := s[0]; c < utf8.RuneSelf {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			s = s[1:]
			continue
		}
		r, n := utf8.DecodeRune(s)
		dst = utf8.AppendRune(dst, r) // RuneError is U+FFFD, one for each bad byte
		s = s[n:]
	}
}

// plain returns the length of the prefix of s that stands for itself in a JSON
// string: printable ASCII but for the quote and the backslash. It looks at
// eight bytes at a time ("Determine if a word has a byte less than n",
// S. E. Anderson, Bit Twiddling Hacks).
func plain(s []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; len(s)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(s[n:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		if special := (x | (x - ones*0x20) | (quote - ones) | (slash - ones)) & tops; special != 0 {
			return n + bits.TrailingZeros64(special)/8 // what is set above it may be a borrow
		}
	}
	for n < len(s) && s[n] >= 0x20 && s[n] < utf8.RuneSelf && s[n] != '"' && s[n] != '\\' {
		n++
	}
	return n
}

// appendDouble appends the shortest decimal that reads back as v, as Heka does
// it (42, 19101.3, 1e+21); JSON has no NaN and no infinities: null.
func appendDouble(dst []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, 64)
}

// appendBase64 appends b as a JSON string in standard base64.
func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendSecond appends ns since the epoch as 2013-07-16T15:49:06, UTC. The
// range of an int64 (1677 to 2262) keeps every year at four digits.
func appendSecond(dst []byte, ns int64) []byte {
	text := [...]byte{4: '-', 7: '-', 10: 'T', 13: ':', 16: ':', 18: 0}
	setSecond(text[:], time.Unix(0, ns).UTC())
	return append(dst, text[:]...)
}

// appendRFC3339 appends ns since the epoch with all nine digits and Z.
func appendRFC3339(dst []byte, ns int64) []byte {
	text := [...]byte{4: '-', 7: '-', 10: 'T', 13: ':', 16: ':', 19: '.', 29: 'Z'}
	t := time.Unix(0, ns).UTC()
	setSecond(text[:19], t)
	fraction := t.Nanosecond()
	text[20] = byte('0' + fraction/100_000_000)
	set2(text[21:], fraction/1_000_000%100)
	set2(text[23:], fraction/10_000%100)
	set2(text[25:], fraction/100%100)
	set2(text[27:], fraction%100)
	return append(dst, text[:]...)
}

// setSecond fills in the digits of 2013-07-16T15:49:06.
func setSecond(text []byte, t time.Time) {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	set2(text[0:], year/100)
	set2(text[2:], year%100)
	set2(text[5:], int(month))
	set2(text[8:], day)
	set2(text[11:], hour)
	set2(text[14:], minute)
	set2(text[17:], second)
}

// set2 writes 0 to 99 as two digits.
func set2(text []byte, v int) { text[0], text[1] = byte('0'+v/10), byte('0'+v%10) }

// append2 appends 0 to 99 as two digits.
func append2(dst []byte, v int) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }
