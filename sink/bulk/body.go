package bulk

import (
	"encoding/base64"

	"lagermeister/sink"
	"lagermeister/sink/httpclient"
)

// build writes batch as the body of a _bulk request, two lines a record:
//
//	{"create":{"_index":"…","_id":"…"}}
//	{…the document…}
//
// create, not index: the engine then refuses an id it has with 409, which is
// how a repeat is told from a first delivery. Names and ids need no escaping.
//
// With keepFrames the action carries the record's frame, base64, as
// "lm_frame". Only the embedded store knows it.
func build(body *httpclient.Body, batch []sink.Record, keepFrames bool) {
	line := body.Scratch()
	for i := range batch {
		r := &batch[i]
		line = append(line[:0], `{"create":{"_index":"`...)
		line = append(line, r.Index...)
		line = append(line, `","_id":"`...)
		line = append(line, r.ID...)
		if keepFrames {
			line = append(line, `","lm_frame":"`...)
			line = base64.StdEncoding.AppendEncode(line, r.Frame)
		}
		line = append(line, "\"}}\n"...)
		body.Write(line)
		body.Write(r.Doc)
		body.Write(newline)
	}
	body.Keep(line)
}

var newline = []byte{'\n'}
