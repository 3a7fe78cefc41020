package sink

import "strings"

// Verdict is what the table of answers says about an answer.
type Verdict uint8

const (
	TryAgain Verdict = iota // Class Again
	PauseAll                // Class Pause
	Halve                   // Class Split, see Conclude
	Done                    // delivered
	Known                   // delivered before
	Poison                  // this record is refused for good
)

var verdictNames = [...]string{"try again", "pause", "halve", "done", "known", "poison"}

func (v Verdict) String() string { return name(verdictNames[:], int(v)) }

// answers is the table of answers: the first row that fits decides. A row fits
// when its type is part of the far end's error type, or, without one, when the
// status lies in from..to. No answer at all (connection, TLS, time-out) is
// status 0.
//
// item is for one item of a bulk answer, batch for an answer to a whole
// request, of either sink.
var answers = []struct {
	errorType   string
	from, to    int
	item, batch Verdict
}{
	// The state of the far end, never the fault of a record: blocks come as 403
	// or 429, a missing index as 404, whatever the status.
	{errorType: "cluster_block_exception", item: PauseAll, batch: PauseAll},
	{errorType: "index_not_found", item: PauseAll, batch: PauseAll},
	{errorType: NoHandler, item: PauseAll, batch: PauseAll},
	{errorType: PlainHTTP, item: PauseAll, batch: PauseAll},

	{from: 0, to: 0, item: TryAgain, batch: TryAgain},
	{from: 200, to: 299, item: Done, batch: Done},
	{from: 400, to: 400, item: Poison, batch: Halve},
	{from: 401, to: 401, item: PauseAll, batch: PauseAll},
	{from: 403, to: 405, item: PauseAll, batch: PauseAll},
	{from: 407, to: 407, item: PauseAll, batch: PauseAll},
	{from: 408, to: 408, item: TryAgain, batch: TryAgain},
	{from: 409, to: 409, item: Known, batch: PauseAll}, // create: the id holds the body's hash, so it is this record
	{from: 410, to: 410, item: PauseAll, batch: PauseAll},
	{from: 413, to: 413, item: Poison, batch: Halve},
	{from: 422, to: 422, item: Poison, batch: Halve},
	{from: 425, to: 425, item: TryAgain, batch: TryAgain},
	{from: 429, to: 429, item: TryAgain, batch: TryAgain},
	{from: 500, to: 599, item: TryAgain, batch: TryAgain},

	// Redirects, other 4xx, and what is no final HTTP status: someone must look.
	{from: 1, to: 999, item: PauseAll, batch: PauseAll},
}

// NoHandler is the error type given to the 400 by which Elasticsearch and
// OpenSearch say that a URL's path is wrong: no record is to blame for that.
const NoHandler = "no_handler_found"

// PlainHTTP is the error type given to the 400 by which servers say that they
// expect TLS where a URL begins with http://. No record is to blame for that
// either.
const PlainHTTP = "plain_http_on_tls_port"

// JudgeItem looks up the answer to one item of a bulk request.
func JudgeItem(status int, errorType string) Verdict {
	item, _ := judge(status, errorType)
	return item
}

// JudgeBatch looks up the answer to a whole request. It is never Poison: a
// request is halved until one record is left, and that is what Conclude is for.
func JudgeBatch(status int, errorType string) Verdict {
	_, batch := judge(status, errorType)
	return batch
}

// Conclude ends an attempt that brought err for the batch as a whole: a batch
// of one cannot be halved, so its record is refused, with the words of err.
func Conclude(err *Error, results []Result) error {
	if err.Class == Split && len(results) == 1 {
		results[0] = Result{Outcome: Refused, Status: err.Status, Type: err.Type, Reason: err.Reason}
		return nil
	}
	clear(results)
	return err
}

func judge(status int, errorType string) (item, batch Verdict) {
	for _, row := range answers {
		if row.errorType != "" {
			if strings.Contains(errorType, row.errorType) {
				return row.item, row.batch
			}
		} else if row.from <= status && status <= row.to {
			return row.item, row.batch
		}
	}
	return PauseAll, PauseAll
}

// Class is the class of an Error for a verdict that leaves records unsettled.
func (v Verdict) Class() Class {
	switch v {
	case PauseAll:
		return Pause
	case Halve:
		return Split
	}
	return Again
}
