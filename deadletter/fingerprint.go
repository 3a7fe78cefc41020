package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"lagermeister/sink"
)

// fingerprintLength is how many hex digits tell reasons apart.
const fingerprintLength = 12

// Fingerprint names a kind of refusal: letters whose error type is the same and
// whose reasons differ only in numbers, quoted values and ids share it.
func Fingerprint(errorType, reason string) string {
	sum := sha256.Sum256([]byte(errorType + "\n" + Pattern(reason)))
	return hex.EncodeToString(sum[:])[:fingerprintLength]
}

// Pattern is a reason without what differs from record to record: "…" stands for
// a quoted value, # for a number, an id, or the digits in a word. The pattern of a
// pattern is itself.
func Pattern(reason string) string {
	reason = strings.ToValidUTF8(reason, "\uFFFD")
	var b strings.Builder
	for i := 0; i < len(reason); {
		c := reason[i]
		switch {
		case isQuote(c) && (i == 0 || !isWord(reason[i-1])):
			end := closing(reason, i)
			b.WriteByte(c)
			b.WriteString("…")
			b.WriteByte(c)
			i = end
		case isWord(c):
			end := i + wordLength(reason[i:])
			appendWord(&b, reason[i:end])
			i = end
		default:
			_, n := utf8.DecodeRuneInString(reason[i:])
			b.WriteString(reason[i : i+n])
			i += n
		}
		if b.Len() > sink.MaxWords {
			break
		}
	}
	return b.String()
}

// closing is where a quotation that begins at i has ended: behind the next such
// quote that no word follows, or at the end when it was cut off.
func closing(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		if s[j] == s[i] && (j+1 == len(s) || !isWord(s[j+1])) {
			return j + 1
		}
	}
	return len(s)
}

// wordLength is the length of the word or number that s begins with; a number
// goes on over points and commas, an id over hyphens.
func wordLength(s string) int {
	n := 0
	for n < len(s) && isWord(s[n]) {
		n++
	}
	for n+1 < len(s) && (isDigits(s[:n]) && (s[n] == '.' || s[n] == ',') && isDigit(s[n+1]) || s[n] == '-' && isID(s[:n]) && isWord(s[n+1])) {
		n++
		for n < len(s) && isWord(s[n]) {
			n++
		}
	}
	return n
}

// appendWord appends a word, or # for a number and an id; in other words each run
// of digits becomes one #.
func appendWord(b *strings.Builder, word string) {
	if isDigits(word) || isID(word) {
		b.WriteByte('#')
		return
	}
	for i := 0; i < len(word); i++ {
		switch {
		case !isNumeric(word[i]):
			b.WriteByte(word[i])
		case i == 0 || !isNumeric(word[i-1]):
			b.WriteByte('#')
		}
	}
}

// isID recognises hex and base64-like ids: long, with letters and digits mixed.
func isID(word string) bool {
	const least = 8
	digits, marks := 0, 0
	for i := range len(word) {
		switch {
		case isDigit(word[i]):
			digits++
		case word[i] == '#' || word[i] == '_':
			marks++
		}
	}
	return len(word) >= least && marks == 0 && digits >= 2
}

// isDigits is true for numbers, and for the # that stands for one.
func isDigits(word string) bool {
	for i := range len(word) {
		if !isNumeric(word[i]) {
			return false
		}
	}
	return true
}

func isQuote(c byte) bool { return c == '\'' || c == '"' || c == '`' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isNumeric is true for what numbers are made of; points stand in no other word.
func isNumeric(c byte) bool { return isDigit(c) || c == '#' || c == '.' || c == ',' }

func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '#' || c >= utf8.RuneSelf
}
