package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"lagermeister/heka"
	"lagermeister/heka/encode"
)

// FuzzPrinters: whatever decodes is shown as one line of JSON, and as text that
// cannot steer a terminal.
func FuzzPrinters(f *testing.F) {
	f.Add([]byte("\x0a\x01x\x10\x05\x1a\x01\x1b\x52\x07\x0a\x02\x0d\x0a\x22\x01\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m := new(heka.Message)
		if m.Parse(body) != nil {
			return
		}
		s := shown{frame: body, signer: string(body), Record: encode.Record{Message: m}}
		doc := appendJSON(nil, &s)
		if !json.Valid(doc) || bytes.IndexByte(doc, '\n') != len(doc)-1 {
			t.Fatalf("not a line of JSON: %q", doc)
		}
		text := appendText(nil, &s)
		if !utf8.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return r < 0x20 && r != '\n' || r == 0x7F }) {
			t.Fatalf("text for a terminal: %q", text)
		}
	})
}
