// Package stream knows what the NATS side of the suite is called, how to reach
// it, and what keeps a record in it until every group is done with it.
//
// Promises:
//
//   - A stream that exists is used as it is. It is created from one table when
//     nobody has, and never changed; limits that differ are a warning.
//   - Nothing is removed that a group has not settled: JetStream itself removes
//     nothing, the Trimmer purges up to the lowest floor of all groups at most.
//   - A stream that cannot keep what it acknowledged is named at start.
//
// Facts about JetStream are those of nats-server 2.15 and its documentation;
// subjects and headers are fixed in docs/wire-format.md.
package stream

import (
	"fmt"
	"strconv"
	"strings"
)

// Headers of stored messages. Times in them are unix milliseconds for HeaderCut,
// RFC 3339 with nanoseconds for HeaderFirst and HeaderLast.
const (
	HeaderMsgID  = "Nats-Msg-Id" // of a block: <publisher run id>-<n>
	HeaderRollup = "Nats-Rollup" // "sub" replaces what the subject held

	HeaderRecords = "Lm-Records" // records in the block
	HeaderCut     = "Lm-Cut"     // when the block was cut

	HeaderGroup     = "Lm-Group"
	HeaderSink      = "Lm-Sink"
	HeaderStatus    = "Lm-Status"
	HeaderErrorType = "Lm-Error-Type"
	HeaderReason    = "Lm-Reason"
	HeaderID        = "Lm-Id"
	HeaderFirst     = "Lm-First"
	HeaderLast      = "Lm-Last"
	HeaderAttempts  = "Lm-Attempts"
	HeaderOrigin    = "Lm-Origin"
	HeaderIndex     = "Lm-Index"
	HeaderEpoch     = "Lm-Epoch"
	HeaderDead      = "Lm-Dead"     // of a replay: subject of the dead letter it is
	HeaderSequence  = "Lm-Sequence" // of a replay: stream sequence of its block
	HeaderBatch     = "Lm-Batch"    // HTTP, not NATS: hash of the ids of a batch
)

// Streams and the bucket whose names do not depend on the main stream.
const (
	Ledger      = "LM_LEDGER"
	Replay      = "LM_REPLAY"
	Audit       = "LM_AUDIT"
	StateBucket = "LM_STATE"
)

// Clean makes a name of a stream or group that NATS takes and that is one token
// of a subject: each character outside [A-Za-z0-9_-] becomes '_'.
func Clean(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, name)
}

// DeadName is the stream that keeps what no sink would take from stream.
func DeadName(stream string) string { return stream + "_DEAD" }

// DeadSubject is the address of one dead letter; each is stored at most once.
func DeadSubject(stream, group string, epoch int64, seq uint64, index int) string {
	b := append(make([]byte, 0, 96), "lm.dead."...)
	b = append(b, stream...)
	b = append(append(b, '.'), group...)
	b = strconv.AppendInt(append(b, '.'), epoch, 10)
	b = strconv.AppendUint(append(b, '.'), seq, 10)
	b = strconv.AppendInt(append(b, '.'), int64(index), 10)
	return string(b)
}

// DeadSubjects matches every dead letter of stream.
func DeadSubjects(stream string) string { return "lm.dead." + stream + ".>" }

// DeadSubjectsOf matches the dead letters of one record: one for each group and
// epoch that gave it up.
func DeadSubjectsOf(stream string, seq uint64, index int) string {
	return fmt.Sprintf("lm.dead.%s.*.*.%d.%d", stream, seq, index)
}

// ParseDeadSubject is DeadSubject's inverse; ok is false for any other subject.
func ParseDeadSubject(subject string) (stream, group string, epoch int64, seq uint64, index int, ok bool) {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 7 || tokens[0] != "lm" || tokens[1] != "dead" || !visible(tokens[2]) || !visible(tokens[3]) {
		return "", "", 0, 0, 0, false
	}
	epoch, err1 := strconv.ParseInt(tokens[4], 10, 64)
	seq, err2 := strconv.ParseUint(tokens[5], 10, 64)
	index, err3 := strconv.Atoi(tokens[6])
	if err1 != nil || err2 != nil || err3 != nil || index < 0 {
		return "", "", 0, 0, 0, false
	}
	return tokens[2], tokens[3], epoch, seq, index, true
}

// LedgerSubject carries the settlements of a group.
func LedgerSubject(stream, group string) string { return "lm.ledger." + stream + "." + group }

// ReplaySubject carries what a group is to deliver once more.
func ReplaySubject(stream, group string) string { return "lm.replay." + stream + "." + group }

// MemberSubject is where the members of a group can be asked whether there are any,
// on core NATS.
func MemberSubject(stream, group string) string { return "lm.member." + stream + "." + group }

// AuditSubject carries who changed what about a stream's records.
func AuditSubject(stream string) string { return "lm.audit." + stream }

// LedgerKey is the key of a group's folded ledger in StateBucket.
func LedgerKey(stream, group string) string { return "ledger." + stream + "." + group }

// ReplayDurable is the consumer of LM_REPLAY through which a group takes replays.
// No name of a stream or group holds the sign between them, so that no two share one.
func ReplayDurable(stream, group string) string { return stream + "=" + group }

// IsWildcard says whether subject stands for more than one.
func IsWildcard(subject string) bool {
	for token := range strings.SplitSeq(subject, ".") {
		if token == "*" || token == ">" {
			return true
		}
	}
	return false
}

// Matches says whether subject, which holds no wildcard, falls under pattern. A
// consumer has no filter, so its group decides with this what it settles as filtered.
func Matches(pattern, subject string) bool {
	for {
		p, pRest, pMore := strings.Cut(pattern, ".")
		s, sRest, sMore := strings.Cut(subject, ".")
		switch {
		case p == ">":
			return true
		case p != "*" && p != s, pMore != sMore:
			return false
		case !pMore:
			return true
		}
		pattern, subject = pRest, sRest
	}
}
