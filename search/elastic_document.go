package search

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lagermeister/heka"
	"lagermeister/heka/matcher"
)

// documentFields is where the ecs shape has the variables of a spec.
var documentFields = [...]string{
	matcher.VarUUID: "event.id", matcher.VarType: "event.dataset", matcher.VarLogger: "log.logger", matcher.VarPayload: "message",
	matcher.VarEnvVersion: "service.version", matcher.VarHostname: "host.name", matcher.VarTimestamp: "@timestamp",
	matcher.VarSeverity: "log.syslog.severity.code", matcher.VarPid: "process.pid", matcher.VarField: "heka.",
}

// documentField returns the key of what t tests. For a dynamic field, a blank
// part of the path is written as an underscore.
func documentField(t *matcher.Test) string {
	key := documentFields[t.Var]
	if t.Var != matcher.VarField {
		return key
	}
	parts := strings.Split(t.Name, ".")
	for i, part := range parts {
		if strings.IndexFunc(part, func(r rune) bool { return !unicode.IsSpace(r) && (r < 0x1C || r > 0x1F) }) < 0 {
			parts[i] = "_"
		}
	}
	return key + strings.Join(parts, ".")
}

// document is a stored document as evidence of its message, for questions of one
// request.
//
// Header variables are the message's, save that broken UTF-8 shows as U+FFFD. Of
// a dynamic field the document has the values, in order, but not where one of
// several fields of the same name ends; base64 may be bytes or a string; null may
// be no value, NaN or an infinity. Where readings disagree the verdict is Maybe.
// One thing leaves no trace at all: a field without a value before another of the
// same name.
//
// In a repaired document the members that the index refused have the prefix
// "unmapped." and are text: of these nothing is certain, and all others are as in
// any document.
type document struct {
	*evaluator
	members  map[string]json.RawMessage
	message  heka.Message // the headers
	complete bool         // what is absent here, and not moved, was absent from the message
}

// evaluator holds what the documents of one request share.
type evaluator struct {
	request    *Request
	restricted bool
	specs      map[matcher.Test]*matcher.Spec // each test of the spec alone
}

// decide is the verdict on a document.
func (e *evaluator) decide(id string, source []byte) Verdict {
	d := document{evaluator: e}
	if json.Unmarshal(source, &d.members) != nil {
		return Maybe // not a document of ours
	}
	d.complete = !e.restricted && d.knows("host.name") && d.knows("log.syslog.severity.code")
	d.readHeaders(id)
	verdict := d.node(e.request.Spec.Root())
	if len(e.request.Text) > 0 && !HasTokens(d.message.Payload, e.request.Text) {
		if d.message.Payload != nil || d.complete && !d.moved(documentFields[matcher.VarPayload]) {
			return No
		}
		return min(verdict, Maybe)
	}
	return verdict
}

func (d *document) has(key string) bool { return d.members[key] != nil }

// moved reports whether a repair has moved the member.
func (d *document) moved(key string) bool { return d.has("unmapped." + key) }

// knows reports whether the document was made with the member.
func (d *document) knows(key string) bool { return d.has(key) || d.moved(key) }

// text returns a string member; nil when it is absent.
func (d *document) text(v matcher.Var) []byte {
	var s *string
	if json.Unmarshal(d.members[documentFields[v]], &s) != nil || s == nil {
		return nil
	}
	return []byte(*s)
}

// number returns an integer member, or what an absent one reads as.
func (d *document) number(v matcher.Var, absent int32) int32 {
	n := absent
	if json.Unmarshal(d.members[documentFields[v]], &n) != nil {
		return absent
	}
	return n
}

func (d *document) readHeaders(id string) {
	m := &d.message
	m.Type, m.Logger, m.Payload = d.text(matcher.VarType), d.text(matcher.VarLogger), d.text(matcher.VarPayload)
	m.EnvVersion, m.Hostname = d.text(matcher.VarEnvVersion), d.text(matcher.VarHostname)
	m.Severity, m.Pid = d.number(matcher.VarSeverity, heka.DefaultSeverity), d.number(matcher.VarPid, 0)
	if uuid, err := hex.DecodeString(strings.ReplaceAll(string(d.text(matcher.VarUUID)), "-", "")); err == nil {
		m.UUID = uuid
	}
	if t, ok := d.time(); ok {
		m.Timestamp = t.UnixNano()
		// The id begins with the event's time, and with zeros when there is none:
		// then the document bears the time of its block.
		if strings.HasPrefix(id, "000000000000") && t.UnixMilli() > 0 {
			m.Timestamp = 0
		}
	}
}

func (d *document) time() (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, string(d.text(matcher.VarTimestamp)))
	return t, err == nil
}

// node is the verdict of a part of the spec. And and Or of Maybe are the weaker
// and the stronger of both.
func (d *document) node(n matcher.Node) Verdict {
	switch n := n.(type) {
	case matcher.And:
		x := d.node(n.X)
		if x == No {
			return No
		}
		return min(x, d.node(n.Y))
	case matcher.Or:
		x := d.node(n.X)
		if x == Yes {
			return Yes
		}
		return max(x, d.node(n.Y))
	case matcher.Test:
		return d.test(&n)
	}
	if n == matcher.Literal(false) {
		return No
	}
	return Yes
}

func (d *document) test(t *matcher.Test) Verdict {
	key := documentField(t)
	if !d.has(key) && (d.moved(key) || !d.complete) {
		return Maybe
	}
	if t.Var == matcher.VarField {
		return d.field(t, key)
	}
	verdict := verdictOf(d.spec(t).Match(&d.message))
	if !t.Var.Numeric() && blurred(t, string(d.text(t.Var))) {
		return Maybe
	}
	return verdict
}

// blurred reports whether a text shows U+FFFD where the original may have had
// other bytes, so that a test of the original could turn out differently. A
// regular expression takes such bytes for U+FFFD itself.
func blurred(t *matcher.Test, text string) bool {
	if t.Const.Kind == matcher.ConstNumber || !strings.ContainsRune(text, utf8.RuneError) {
		return false
	}
	switch t.Op {
	case matcher.OpMatch, matcher.OpNotMatch:
		return false
	case matcher.OpEqual, matcher.OpNotEqual:
		return text == t.Const.Text
	}
	return true
}

// spec returns t as a spec, for the first value of the first field of its name.
func (e *evaluator) spec(t *matcher.Test) *matcher.Spec {
	s := e.specs[*t]
	if s == nil {
		first := *t
		first.Field, first.Index = 0, 0
		s = matcher.New(first)
		e.specs[*t] = s
	}
	return s
}
