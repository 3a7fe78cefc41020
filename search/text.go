package search

import (
	"iter"
	"unicode"
	"unicode/utf8"
)

// Tokens returns the words of a text: runs of letters and digits, each rune in
// lower case. It is what `text=` looks for and what a store should index.
func Tokens(text []byte) []string {
	var list []string
	for token := range tokens(text) {
		list = append(list, fold(token))
	}
	return list
}

// HasTokens reports whether each of the tokens, as Tokens returns them, is a word
// of the text.
func HasTokens(text []byte, all []string) bool {
	if len(all) == 0 {
		return true
	}
	var missing uint64 // one bit a token; Handler takes no more than MaxTokens
	for i := range all {
		missing |= 1 << i
	}
	for token := range tokens(text) {
		for i, want := range all {
			if missing&(1<<i) != 0 && equalFolded(token, want) {
				missing &^= 1 << i
			}
		}
		if missing == 0 {
			return true
		}
	}
	return false
}

// MaxTokens bounds Request.Text.
const MaxTokens = 64

// tokens yields the runs of letters and digits as they stand.
func tokens(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start := -1
		for i := 0; i < len(text); {
			r, size := rune(text[i]), 1
			if r >= utf8.RuneSelf {
				r, size = utf8.DecodeRune(text[i:])
			}
			switch word := unicode.IsLetter(r) || unicode.IsDigit(r); {
			case word && start < 0:
				start = i
			case !word && start >= 0:
				if !yield(text[start:i]) {
					return
				}
				start = -1
			}
			i += size
		}
		if start >= 0 {
			yield(text[start:])
		}
	}
}

// fold returns the token in lower case.
func fold(token []byte) string {
	folded := make([]byte, 0, len(token))
	for len(token) > 0 {
		r, size := utf8.DecodeRune(token)
		folded = utf8.AppendRune(folded, unicode.ToLower(r))
		token = token[size:]
	}
	return string(folded)
}

// equalFolded is fold(token) == folded without the allocation.
func equalFolded(token []byte, folded string) bool {
	for len(token) > 0 {
		r, size := utf8.DecodeRune(token)
		want, width := utf8.DecodeRuneInString(folded)
		if width == 0 || unicode.ToLower(r) != want {
			return false
		}
		token, folded = token[size:], folded[width:]
	}
	return folded == ""
}
