package searchstore

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// action is the action line of one bulk item.
type action struct {
	Index string `json:"_index"`
	ID    string `json:"_id"`
	Frame string `json:"lm_frame"` // base64 of the original Heka frame, or of a bare message
}

// scanBulk calls take with each pair of lines of a _bulk body, in order:
//
//	{"create":{"_index":"…","_id":"…","lm_frame":"…"}}
//	{"@timestamp":"…",…}
//
// The document is not looked at, but that it is there. A body of another form
// is an error that names the line; take may have been called before.
func scanBulk(body []byte, take func(a action, doc []byte)) error {
	for line := 1; len(body) > 0; line += 2 {
		head, rest, _ := bytes.Cut(body, []byte{'\n'})
		doc, rest, _ := bytes.Cut(rest, []byte{'\n'})
		body = rest

		var lines struct {
			Create *action `json:"create"`
		}
		if err := json.Unmarshal(head, &lines); err != nil {
			return fmt.Errorf("malformed action in line %d: %w", line, err)
		}
		if lines.Create == nil {
			return fmt.Errorf("malformed action in line %d: expected create, the only one this store knows", line)
		}
		doc = bytes.TrimSuffix(doc, []byte{'\r'})
		if len(doc) < 2 || doc[0] != '{' || doc[len(doc)-1] != '}' {
			return fmt.Errorf("line %d: expected the document of the action before it, an object on one line", line+1)
		}
		take(*lines.Create, doc)
	}
	return nil
}
