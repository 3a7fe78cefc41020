// Package matcher is Heka's message matcher language, which selects messages:
//
//	Type == "nginx.access" && (Severity <= 3 || Fields[status] >= 500)
//
// Parse takes what Heka's parser takes and gives it the same meaning. Where
// Heka silently ignores the rest of a spec or reads a wrong number as 0, Parse
// returns an error that says where, and what was expected. Rules worth knowing:
// an absent header variable reads as its default; a missing field makes every
// test false except == NIL, also != and !~; so does a type that does not fit;
// numbers are compared as float64; text is compared byte by byte. A bool field
// answers only == TRUE, == FALSE and NIL (Heka made other tests of it true when
// it was false), and a regular expression is never taken for a simpler one that
// differs.
//
// A Spec is evaluated on the wire bytes of a message without an allocation. Its
// tree is exported for compilers to other query languages.
package matcher

import (
	"sync"

	"lagermeister/heka"
)

// A Spec decides which messages are wanted. It is immutable and may be used
// from several goroutines. A nil *Spec wants every message.
type Spec struct {
	root  Node
	entry int    // where evaluation begins
	steps []step // the tests of the tree, as a graph of decisions
}

// A step is one test; yes and no are where to go on: a step, accept or reject.
type step struct {
	Test
	find    finder // for regular expressions
	yes, no int
}

const (
	accept = -1
	reject = -2
)

// New returns a spec of a tree, such as a part of another spec's. It turns the tree
// into steps, which makes && and || a matter of where a test leads, and a chain of
// any length a loop.
func New(root Node) *Spec {
	s := &Spec{root: root}
	s.entry = s.add(root, accept, reject)
	return s
}

// add appends the steps of n and returns where they begin.
func (s *Spec) add(n Node, yes, no int) int {
	switch n := n.(type) {
	case And:
		return s.add(n.X, s.add(n.Y, yes, no), no)
	case Or:
		return s.add(n.X, yes, s.add(n.Y, yes, no))
	case Literal:
		if n {
			return yes
		}
		return no
	case Test:
		st := step{Test: n, yes: yes, no: no}
		if n.Const.Kind == ConstRegexp {
			st.find = newFinder(n.Const.Regexp)
		}
		s.steps = append(s.steps, st)
	}
	return len(s.steps) - 1
}

// Root returns the tree of the spec; TRUE for a nil *Spec.
func (s *Spec) Root() Node {
	if s == nil {
		return Literal(true)
	}
	return s.root
}

// String returns a spec that parses to the same tree.
func (s *Spec) String() string { return string(s.Root().append(nil, false)) }

// Match reports whether the spec wants m.
func (s *Spec) Match(m *heka.Message) bool {
	if s == nil {
		return true
	}
	at := s.entry
	for at >= 0 {
		st := &s.steps[at]
		if st.match(m) {
			at = st.yes
		} else {
			at = st.no
		}
	}
	return at == accept
}

func (t *step) match(m *heka.Message) bool {
	switch t.Var {
	case VarUUID:
		return t.matchUUID(m)
	case VarType:
		return t.matchText(m.Type)
	case VarLogger:
		return t.matchText(m.Logger)
	case VarPayload:
		return t.matchText(m.Payload)
	case VarEnvVersion:
		return t.matchText(m.EnvVersion)
	case VarHostname:
		return t.matchText(m.Hostname)
	case VarTimestamp:
		return t.matchNumber(float64(m.Timestamp))
	case VarSeverity:
		return t.matchNumber(float64(m.Severity))
	case VarPid:
		return t.matchNumber(float64(m.Pid))
	}
	nth := t.Field
	for i, n := 0, m.NumFields(); i < n; i++ {
		f := m.Field(i)
		if string(f.Name) != t.Name {
			continue
		}
		if nth == 0 {
			return t.matchField(&f)
		}
		nth--
	}
	return t.missing()
}

// uuids holds the text forms that regular expressions look at: what they are
// given counts as escaping, so it cannot live on the stack.
var uuids = sync.Pool{New: func() any { return new([36]byte) }}

func (t *step) matchUUID(m *heka.Message) bool {
	if t.Const.Kind == ConstRegexp {
		buf := uuids.Get().(*[36]byte)
		defer uuids.Put(buf)
		return t.find.match(heka.AppendUUID(buf[:0], m.UUID)) == (t.Op == OpMatch)
	}
	var buf [36]byte
	return compareText(heka.AppendUUID(buf[:0], m.UUID), t.Op, t.Const.Text)
}

// matchField tests a field of the right name and index.
func (t *step) matchField(f *heka.Field) bool {
	if f.Type < heka.StringType || f.Type > heka.BoolType {
		return false // a type that Heka does not know
	}
	v, ok := f.Value(t.Index)
	if !ok {
		return t.missing()
	}
	if t.Const.Kind == ConstNil {
		return t.Op == OpNotEqual
	}
	switch f.Type {
	case heka.StringType, heka.BytesType:
		return t.Const.Kind != ConstNumber && t.matchText(v.Bytes)
	case heka.IntegerType:
		return t.Const.Kind == ConstNumber && t.matchNumber(float64(v.Int))
	case heka.DoubleType:
		return t.Const.Kind == ConstNumber && t.matchNumber(v.Double)
	}
	return t.Const.Kind == ConstBool && v.Bool == t.Const.Bool
}

// missing is the verdict on what the message does not have.
func (t *step) missing() bool { return t.Const.Kind == ConstNil && t.Op == OpEqual }

func (t *step) matchText(text []byte) bool {
	if t.Const.Kind == ConstRegexp {
		return t.find.match(text) == (t.Op == OpMatch)
	}
	return compareText(text, t.Op, t.Const.Text)
}

func compareText(text []byte, op Op, with string) bool {
	switch op {
	case OpEqual:
		return string(text) == with
	case OpNotEqual:
		return string(text) != with
	case OpGreater:
		return string(text) > with
	case OpGreaterEqual:
		return string(text) >= with
	case OpLess:
		return string(text) < with
	}
	return string(text) <= with
}

func (t *step) matchNumber(n float64) bool {
	switch with := t.Const.Number; t.Op {
	case OpEqual:
		return n == with
	case OpNotEqual:
		return n != with
	case OpGreater:
		return n > with
	case OpGreaterEqual:
		return n >= with
	case OpLess:
		return n < with
	default:
		return n <= with
	}
}
