package searchstore

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// indexWords returns what the word index is given for a payload, such that
// SQLite's ascii tokenizer finds the tokens of the search's rule in it: runs of
// letters and digits, case folded. It takes runs of ASCII letters and digits,
// folds their case itself, and takes every other byte above 0x7F for part of a
// word; so an ASCII payload stays as it is, and in any other one the folded
// words are written one after the other.
func indexWords(payload []byte) []byte {
	for i, c := range payload {
		if c >= utf8.RuneSelf {
			return foldWords(make([]byte, 0, len(payload)+len(payload)/8), payload, i)
		}
	}
	return payload
}

// foldWords appends payload folded, with a blank for whatever is in no word; the
// first ascii bytes need no folding.
func foldWords(dst, payload []byte, ascii int) []byte {
	dst = append(dst, payload[:ascii]...)
	for rest := payload[ascii:]; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		if inWord(r) {
			dst = utf8.AppendRune(dst, fold(r))
		} else {
			dst = append(dst, ' ')
		}
	}
	return dst
}

// fold maps all letters that any notion of case takes for the same to one, so
// that the index finds at least what a search means.
func fold(r rune) rune {
	r = unicode.ToLower(unicode.ToUpper(r))
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		if inWord(next) { // a sign that only joins letters may fold to one
			least = min(least, next)
		}
	}
	return least
}

// matchWords returns the query of the word index for records that hold all words
// of all texts, "" when there are none.
func matchWords(texts []string) string {
	var query []string
	for _, text := range texts {
		folded := foldWords(nil, []byte(text), 0)
		for _, word := range strings.FieldsFunc(string(folded), func(r rune) bool { return !inWord(r) }) {
			query = append(query, `"`+word+`"`)
		}
	}
	return strings.Join(query, " AND ")
}
