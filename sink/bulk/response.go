package bulk

import (
	"bytes"
	"fmt"
	"net/http"

	"lagermeister/sink"
)

// summary is what the items say together.
type summary struct {
	// worst is nil, or the item that left its record at Retry and whose class
	// stops most, Pause before Again.
	worst     *sink.Error
	conflicts []conflict
}

// parse reads the answer to a _bulk request for batch,
//
//	{"took":3,"errors":true,"items":[{"create":{"_id":"…","status":201,…}},…]}
//
// and fills results from its items. The far end is believed only when every
// byte is JSON, there is one item a record, in order, with the record's id, and
// with a status; else the error says what does not fit and results mean nothing.
//
// "errors":false is no short cut: each item speaks for itself. But one that is
// the delivered one before it, to the last byte, save for its own id, need not be
// taken apart to say the same.
func parse(body []byte, batch []sink.Record, results []sink.Result) (a summary, err error) {
	r := reader{data: body}
	items := -1
	var last likeness
	r.expect('{')
	for first := true; r.more(first, '}'); first = false {
		if string(r.key()) != "items" {
			r.skip(1)
			continue
		}
		if items >= 0 {
			return a, fmt.Errorf("answer has items twice, at byte %d", r.at)
		}
		items = 0
		r.expect('[')
		for first := true; r.more(first, ']'); first = false {
			if items == len(batch) {
				return a, fmt.Errorf("answer has more items than the %d records sent", len(batch))
			}
			if r.repeats(last, batch[items].ID) {
				results[items] = results[items-1]
				items++
				continue
			}
			start := r.at
			it := r.item(batch[items].ID)
			if r.err != nil {
				break
			}
			if it.status == 0 {
				return a, fmt.Errorf("item %d of the answer has no status", items)
			}
			verdict := it.result(&results[items])
			if results[items].Outcome == sink.Retry && (a.worst == nil || verdict.Class() > a.worst.Class) {
				res := &results[items]
				a.worst = &sink.Error{Class: verdict.Class(), Status: res.Status, Type: res.Type, Reason: res.Reason}
			}
			if results[items].Outcome == sink.Refused && it.status == http.StatusBadRequest {
				if field, ok := culprit(it.reason); ok {
					a.conflicts = append(a.conflicts, conflict{items, field})
				}
			}
			last = likeness{}
			if results[items].Outcome == sink.Delivered && it.ids == 1 {
				last = likeness{body[start:it.id], body[it.id+len(batch[items].ID) : r.at]}
			}
			items++
		}
	}
	r.end()
	switch {
	case r.err != nil:
		return a, r.err
	case items < 0:
		return a, fmt.Errorf("answer of %d bytes has no items", len(body))
	case items != len(batch):
		return a, fmt.Errorf("answer has %d items for the %d records sent", items, len(batch))
	}
	return a, nil
}

// likeness is an item before and behind its id; nil when nothing is to be like it.
type likeness struct{ before, behind []byte }

// repeats steps over an item that differs from l in nothing but the id, which is
// want. Otherwise it stays in front of the item.
func (r *reader) repeats(l likeness, want []byte) bool {
	r.peek()
	id, behind := r.at+len(l.before), r.at+len(l.before)+len(want)
	end := behind + len(l.behind)
	if l.before == nil || end > len(r.data) || !bytes.Equal(r.data[behind:end], l.behind) ||
		!bytes.Equal(r.data[id:behind], want) || !bytes.Equal(r.data[r.at:id], l.before) {
		return false
	}
	r.at = end
	return true
}

// item is what is read of one item.
type item struct {
	id, ids           int // where the id begins, the last of so many
	status            int
	errorType, reason string
	failed            bool // has an error object
	failureStore      bool // went to the failure store, not to the index
}

// item reads {"create":{…}} and checks the id within against want.
func (r *reader) item(want []byte) (it item) {
	r.expect('{')
	actions := 0
	for first := true; r.more(first, '}'); first = false {
		r.key() // create, whatever an engine calls it
		actions++
		r.expect('{')
		for first := true; r.more(first, '}'); first = false {
			switch string(r.key()) {
			case "_id":
				id := r.text()
				it.id, it.ids = r.at-1-len(id), it.ids+1
				if r.err == nil && !bytes.Equal(id, want) {
					r.err = fmt.Errorf("answer has an item for %q where %q was sent", id, want)
				}
			case "status":
				it.status = r.integer()
			case "error":
				it.failed = true
				it.errorType, it.reason = r.cause(1)
			case "failure_store":
				it.failureStore = string(r.text()) == "used"
			default:
				r.skip(4)
			}
		}
	}
	if r.err == nil && (actions != 1 || it.ids == 0) {
		r.err = fmt.Errorf("answer has an item without one action and its id, before byte %d", r.at)
	}
	return it
}

// cause reads an error object, or the string that old engines give. The reason
// of the innermost cause is appended: there stands which field it was.
func (r *reader) cause(depth int) (errorType, reason string) {
	if r.peek() == '"' {
		return "", r.str()
	}
	if r.peek() != '{' || depth > 10 {
		r.skip(depth)
		return "", ""
	}
	var inner string
	r.expect('{')
	for first := true; r.more(first, '}'); first = false {
		key := string(r.key())
		isText := r.peek() == '"'
		switch {
		case key == "type" && isText:
			errorType = r.str()
		case key == "reason" && isText:
			reason = r.str()
		case key == "caused_by":
			_, inner = r.cause(depth + 1)
		default:
			r.skip(depth)
		}
	}
	if inner != "" {
		reason += ": " + inner
	}
	return errorType, reason
}

// result is where an item becomes a Result. A mapping conflict is Refused like
// any other 400.
func (it *item) result(res *sink.Result) sink.Verdict {
	verdict := sink.JudgeItem(it.status, it.errorType)
	*res = sink.Result{Status: it.status}
	if it.failed {
		res.Type, res.Reason = sink.Words([]byte(it.errorType)), sink.Words([]byte(it.reason))
	}
	switch verdict {
	case sink.Done:
		res.Outcome = sink.Delivered
		if it.failureStore {
			// The engine keeps it where no search of the index finds it.
			res.Outcome, res.Type = sink.Refused, "failure_store"
			res.Reason = "the engine put the document into the failure store, not into the index"
		} else if it.failed {
			// A status that says yes and an error that says no: not delivered.
			res.Outcome = sink.Retry
			verdict = sink.TryAgain
		}
	case sink.Known:
		res.Outcome = sink.Already
	case sink.Poison:
		res.Outcome = sink.Refused
	default:
		res.Outcome = sink.Retry
	}
	return verdict
}
