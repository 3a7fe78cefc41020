package matcher

import "fmt"

// Limits of a spec.
const (
	MaxSpec    = 64 << 10 // bytes
	MaxDepth   = 200      // parentheses inside one another
	MaxRegexps = 10_000   // steps of all its regular expressions together, see steps
)

// Parse reads a spec. An error is always a *SyntaxError. The empty spec is one:
// whoever takes it for "everything" keeps a nil *Spec instead.
func Parse(spec string) (*Spec, error) {
	if len(spec) > MaxSpec {
		return nil, &SyntaxError{Spec: spec, Offset: MaxSpec, Message: fmt.Sprintf("a spec of %d bytes, limit %d", len(spec), MaxSpec)}
	}
	p := parser{lexer: lexer{spec: spec}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		return nil, p.unexpected("&&, || or the end of the spec")
	}
	return New(root), nil
}

// parser is a recursive descent with one token in hand.
type parser struct {
	lexer
	token token
	depth int
}

func (p *parser) advance() (err error) {
	p.token, err = p.next()
	return err
}

// or reads `and || and ...`, left associative.
func (p *parser) or() (Node, error) {
	x, err := p.and()
	for err == nil && p.token.kind == tokenOr {
		if err = p.advance(); err != nil {
			break
		}
		var y Node
		y, err = p.and()
		x = Or{x, y}
	}
	return x, err
}

// and reads `operand && operand ...`, left associative.
func (p *parser) and() (Node, error) {
	x, err := p.operand()
	for err == nil && p.token.kind == tokenAnd {
		if err = p.advance(); err != nil {
			break
		}
		var y Node
		y, err = p.operand()
		x = And{x, y}
	}
	return x, err
}

// operand reads a test, a literal or an expression in parentheses.
func (p *parser) operand() (Node, error) {
	switch p.token.kind {
	case tokenVar:
		return p.test()
	case tokenBool:
		b := Literal(p.token.test.Const.Bool)
		return b, p.advance()
	case tokenOpen:
		return p.parenthesized()
	}
	return nil, p.unexpected("a variable such as Type or Fields[name], TRUE, FALSE or (")
}

func (p *parser) parenthesized() (Node, error) {
	open := p.token.offset
	if p.depth++; p.depth > MaxDepth {
		return nil, p.errorAt(open, fmt.Sprintf("more than %d parentheses inside one another", MaxDepth), "")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	x, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenClose {
		return nil, p.unexpected(fmt.Sprintf("&&, || or the ) for the ( at byte %d", open))
	}
	p.depth--
	return x, p.advance()
}

// test reads `variable operator constant`.
func (p *parser) test() (Node, error) {
	t, name := p.token.test, p.token.text
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind != tokenOp {
		return nil, p.unexpected("an operator after " + name)
	}
	t.Op = p.token.test.Op
	if t.Var.Numeric() && (t.Op == OpMatch || t.Op == OpNotMatch) {
		return nil, p.unexpected("== != > >= < or <= after " + name + ", which is a number")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	t.Const = p.token.test.Const
	if (p.token.kind != tokenConst && p.token.kind != tokenBool) || !t.allowed() {
		return nil, p.unexpected(t.constants())
	}
	return t, p.advance()
}

// allowed reports whether the grammar has the test.
func (t *Test) allowed() bool {
	regexp := t.Op == OpMatch || t.Op == OpNotMatch
	switch t.Const.Kind {
	case ConstRegexp:
		return regexp
	case ConstString:
		return !regexp && !t.Var.Numeric()
	case ConstNumber:
		return !regexp && (t.Var.Numeric() || t.Var == VarField)
	case ConstBool:
		return t.Var == VarField && t.Op == OpEqual
	default:
		return t.Var == VarField && (t.Op == OpEqual || t.Op == OpNotEqual)
	}
}

// constants says what may follow the variable and operator of t.
func (t *Test) constants() string {
	switch {
	case t.Op == OpMatch || t.Op == OpNotMatch:
		return "a regular expression between slashes after " + t.Op.String()
	case t.Var.Numeric():
		return "a number (" + t.Var.String() + " is one)"
	case t.Var != VarField:
		return "a string in quotes (" + t.Var.String() + " is one)"
	case t.Op == OpEqual:
		return "a string in quotes, a number, TRUE, FALSE or NIL"
	case t.Op == OpNotEqual:
		return "a string in quotes, a number or NIL"
	}
	return "a string in quotes or a number"
}

// unexpected is the error that the token in hand does not belong there.
func (p *parser) unexpected(expected string) error {
	if p.token.kind == tokenEnd {
		return p.errorAt(p.token.offset, "the spec ends too early", expected)
	}
	return p.errorAt(p.token.offset, "unexpected "+p.token.text, expected)
}
