package matcher

import (
	"regexp"
	"strconv"
	"strings"
)

// A Node is a part of a parsed spec: an And, an Or, a Literal or a Test.
type Node interface {
	// append writes the node as spec text. An operand of an operator that
	// binds tighter than the node is put in parentheses.
	append(dst []byte, tighter bool) []byte
}

// And is true when X and Y are. Y is not looked at when X is false.
type And struct{ X, Y Node }

// Or is true when X or Y is. Y is not looked at when X is true.
type Or struct{ X, Y Node }

// Literal is TRUE or FALSE.
type Literal bool

// Test compares a variable of the message with a constant. The parser builds
// only the pairs the grammar has: string variables with strings (OpMatch and
// OpNotMatch: regular expressions), numbers with numbers, fields with anything.
type Test struct {
	Var   Var
	Name  string // of the field, for VarField; never empty there
	Field int    // which of the fields of that name, from 0
	Index int    // which value of that field, from 0
	Op    Op
	Const Const
}

// Var names what a test reads from the message.
type Var uint8

// The header variables, as a spec names them. An absent one reads as its
// default: "", 0, and 7 for the severity. VarUUID is the text form.
const (
	VarUUID Var = iota
	VarType
	VarLogger
	VarPayload
	VarEnvVersion
	VarHostname
	VarTimestamp // first of the numbers; nanoseconds since 1970
	VarSeverity
	VarPid
	VarField
)

var varNames = [...]string{"Uuid", "Type", "Logger", "Payload", "EnvVersion", "Hostname", "Timestamp", "Severity", "Pid", "Fields"}

// String returns the variable's name in a spec.
func (v Var) String() string { return varNames[v] }

// Numeric reports whether v is a header variable that holds a number.
func (v Var) Numeric() bool { return v >= VarTimestamp && v <= VarPid }

// Op is a comparison.
type Op uint8

// The comparisons: == != > >= < <= and, for regular expressions, =~ !~.
const (
	OpEqual Op = iota
	OpNotEqual
	OpGreater
	OpGreaterEqual
	OpLess
	OpLessEqual
	OpMatch
	OpNotMatch
)

var opNames = [...]string{"==", "!=", ">", ">=", "<", "<=", "=~", "!~"}

// String returns the operator as a spec writes it.
func (o Op) String() string { return opNames[o] }

// ConstKind says which part of a Const is meant.
type ConstKind uint8

// The kinds of constants.
const (
	ConstString ConstKind = iota // Text
	ConstNumber                  // Number
	ConstRegexp                  // Text is the expression, Regexp the compiled one
	ConstBool                    // Bool; Text is "TRUE" or "FALSE"
	ConstNil
)

// Const is the right side of a test.
type Const struct {
	Kind   ConstKind
	Text   string
	Number float64
	Bool   bool
	Regexp *regexp.Regexp
}

// Terms returns the operands of a chain of &&, left to right, so that
// `a && b && c` is one list instead of a tree as deep as the chain is long.
func (n And) Terms() []Node {
	return terms(n, func(n Node) (Node, Node, bool) { a, ok := n.(And); return a.X, a.Y, ok })
}

// Terms returns the operands of a chain of ||, left to right.
func (n Or) Terms() []Node {
	return terms(n, func(n Node) (Node, Node, bool) { o, ok := n.(Or); return o.X, o.Y, ok })
}

func terms(n Node, split func(Node) (x, y Node, ok bool)) []Node {
	var list []Node
	for todo := []Node{n}; len(todo) > 0; {
		n, todo = todo[len(todo)-1], todo[:len(todo)-1]
		if x, y, ok := split(n); ok {
			todo = append(todo, y, x)
		} else {
			list = append(list, n)
		}
	}
	return list
}

func (n And) append(dst []byte, _ bool) []byte {
	dst = append(n.X.append(dst, true), " && "...)
	if _, chain := n.Y.(And); chain { // a && (b && c): keep the shape
		return append(n.Y.append(append(dst, '('), false), ')')
	}
	return n.Y.append(dst, true)
}

func (n Or) append(dst []byte, tighter bool) []byte {
	if tighter {
		return append(n.append(append(dst, '('), false), ')')
	}
	dst = append(n.X.append(dst, false), " || "...)
	_, chain := n.Y.(Or)
	return n.Y.append(dst, chain)
}

func (n Literal) append(dst []byte, _ bool) []byte {
	return append(dst, boolText(bool(n))...)
}

func (n Test) append(dst []byte, _ bool) []byte {
	dst = append(dst, n.Var.String()...)
	if n.Var == VarField {
		dst = append(append(append(dst, '['), n.Name...), ']')
		if n.Field > 0 || n.Index > 0 {
			dst = append(strconv.AppendInt(append(dst, '['), int64(n.Field), 10), ']')
		}
		if n.Index > 0 {
			dst = append(strconv.AppendInt(append(dst, '['), int64(n.Index), 10), ']')
		}
	}
	dst = append(append(append(dst, ' '), n.Op.String()...), ' ')
	switch n.Const.Kind {
	case ConstString:
		return appendQuoted(dst, '"', n.Const.Text)
	case ConstNumber:
		return strconv.AppendFloat(dst, n.Const.Number, 'g', -1, 64)
	case ConstRegexp:
		return appendQuoted(dst, '/', n.Const.Text)
	case ConstBool:
		return append(dst, n.Const.Text...)
	}
	return append(dst, "NIL"...)
}

// appendQuoted escapes the delimiter, the only escape there is. The text cannot
// end with a backslash: no spec can say that.
func appendQuoted(dst []byte, quote byte, text string) []byte {
	q := string(quote)
	dst = append(dst, quote)
	dst = append(dst, strings.ReplaceAll(text, q, `\`+q)...)
	return append(dst, quote)
}

func boolText(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}
