package bulk

import (
	"encoding/base64"

	"lagermeister/sink"
	"lagermeister/sink/httpclient"
)

// A _bulk request has two lines a record:
//
//	{"create":{"_index":"…","_id":"…"}}
//	{…the document…}
//
// create, not index: the engine then refuses an id it has with 409, which is
// how a repeat is told from a first delivery. Names and ids need no escaping.

// AppendHead appends the first of the two lines.
//
// With KeepFrames it carries the record's frame, base64, as "lm_frame". Only the
// embedded store knows it.
func (s *Sink) AppendHead(dst []byte, r *sink.Record) []byte {
	dst = append(dst, `{"create":{"_index":"`...)
	dst = append(dst, r.Index...)
	dst = append(dst, `","_id":"`...)
	dst = append(dst, r.ID...)
	if s.keepFrames {
		dst = append(dst, `","lm_frame":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, r.Frame)
	}
	return append(dst, "\"}}\n"...)
}

// fill makes batch the body of a request. Records that have their lines are lent
// to it.
func (s *Sink) fill(body *httpclient.Body, batch []sink.Record) {
	var line []byte
	for i := range batch {
		r := &batch[i]
		if len(r.Line) > 0 {
			body.Lend(r.Line)
			continue
		}
		line = append(append(s.AppendHead(line[:0], r), r.Doc...), '\n')
		body.Write(line)
	}
}
