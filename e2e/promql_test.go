package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exposed is what can be asked of Prometheus: metrics by name.
type exposed map[string]*exposedMetric

// exposedMetric is one name with the labels its series have, and their values;
// a label without values may have any.
type exposedMetric struct {
	kind   string // counter, gauge; the parts of a histogram are counters
	labels map[string]map[string]bool
}

func (e exposed) add(name, kind string, labels map[string]string) {
	m := e[name]
	if m == nil {
		m = &exposedMetric{kind, map[string]map[string]bool{}}
		e[name] = m
	}
	for label, value := range labels {
		if m.labels[label] == nil {
			m.labels[label] = map[string]bool{}
		}
		if value != "" {
			m.labels[label][value] = true
		}
	}
}

// query reads one PromQL expression, of the part of the language that we use, and
// works out which labels its result has. It stops at the first thing that would
// leave the result empty for ever: a metric, a label or a value that nobody
// exports, two sides whose labels never match, a rate of what is no counter.
type query struct {
	exposed exposed
	text    string
	tokens  []string
	at      int
}

// result is the type of an expression.
type result struct {
	labels map[string]bool // nil: a number
	ranged bool
	kind   string // of a selected metric
}

var lexeme = regexp.MustCompile(`[a-zA-Z_:][\w:]*|"[^"]*"|\d+(?:\.\d+)?[smhd]?|=~|!~|[=!<>]=|[-+*/<>=(){}\[\],:]|(\S)`)

// labelsOf checks an expression and returns the labels of its result.
func (e exposed) labelsOf(text string) (labels []string, err error) {
	q := &query{exposed: e, text: text}
	defer func() {
		if fault, ok := recover().(queryFault); ok {
			err = fmt.Errorf("%s: %s", text, string(fault))
		}
	}()
	for _, m := range lexeme.FindAllStringSubmatch(text, -1) {
		if m[1] != "" {
			q.fail("%q is not understood", m[1])
		}
		q.tokens = append(q.tokens, m[0])
	}
	r := q.binary(0)
	if q.peek() != "" || r.ranged {
		q.fail("expected an instant vector, then the end, not %q", q.peek())
	}
	return slices.Sorted(maps.Keys(r.labels)), nil
}

type queryFault string

func (q *query) fail(format string, args ...any) { panic(queryFault(fmt.Sprintf(format, args...))) }

func (q *query) peek() string {
	if q.at < len(q.tokens) {
		return q.tokens[q.at]
	}
	return ""
}

func (q *query) next() string {
	t := q.peek()
	q.at++
	return t
}

func (q *query) take(t string) bool {
	if q.peek() != t {
		return false
	}
	q.at++
	return true
}

func (q *query) expect(t string) {
	if got := q.next(); got != t {
		q.fail("expected %q, not %q", t, got)
	}
}

var precedence = map[string]int{
	"or": 1, "and": 2, "unless": 2, "==": 3, "!=": 3, "<": 3, ">": 3, "<=": 3, ">=": 3, "+": 4, "-": 4, "*": 5, "/": 5,
}

// binary reads operators that bind more tightly than level.
func (q *query) binary(level int) result {
	left := q.unary()
	for {
		op := q.peek()
		if precedence[op] <= level {
			return left
		}
		q.at++
		var on map[string]bool
		if q.take("on") {
			on = q.names()
		}
		left = q.join(op, left, q.binary(precedence[op]), on)
	}
}

func (q *query) join(op string, left, right result, on map[string]bool) result {
	if left.ranged || right.ranged {
		q.fail("%s of a range", op)
	}
	switch {
	case left.labels == nil:
		return right
	case right.labels == nil:
		return left
	case on != nil:
		q.has(left, on)
		q.has(right, on)
		if precedence[op] > 2 {
			return result{labels: on}
		}
	case op != "or" && !maps.Equal(left.labels, right.labels):
		q.fail("the sides of %s have different labels, %v and %v", op, slices.Sorted(maps.Keys(left.labels)), slices.Sorted(maps.Keys(right.labels)))
	}
	return result{labels: left.labels}
}

// has demands labels of a vector.
func (q *query) has(r result, labels map[string]bool) {
	for label := range labels {
		if !r.labels[label] {
			q.fail("there is no label %s, only %v", label, slices.Sorted(maps.Keys(r.labels)))
		}
	}
}

// names reads (a, b, c).
func (q *query) names() map[string]bool {
	q.expect("(")
	list := map[string]bool{}
	for !q.take(")") {
		list[q.next()] = true
		q.take(",")
	}
	return list
}

// takes is what each function takes: a range of counters, a range of gauges, or an
// instant vector ("").
var takes = map[string]string{
	"rate": "counter", "increase": "counter", "delta": "gauge", "deriv": "gauge", "changes": "gauge",
	"abs": "", "histogram_quantile": "", "time": "",
}

var aggregations = []string{"sum", "min", "max", "count", "topk"}

func (q *query) unary() result {
	if q.take("-") {
		return q.unary()
	}
	if q.take("(") {
		r := q.binary(0)
		q.expect(")")
		return q.overTime(r)
	}
	word := q.next()
	switch kind, function := takes[word]; {
	case word == "":
		q.fail("it ends early")
	case word[0] >= '0' && word[0] <= '9':
		return result{}
	case slices.Contains(aggregations, word):
		return q.overTime(q.aggregation())
	case function:
		return q.overTime(q.call(word, kind))
	}
	return q.overTime(q.selector(word))
}

func (q *query) aggregation() result {
	by := map[string]bool{}
	if q.take("by") {
		by = q.names()
	}
	q.expect("(")
	keeps := q.tokens[q.at-2] == "topk"
	r := q.binary(0)
	if q.take(",") { // topk(1, …)
		r = q.binary(0)
	}
	q.expect(")")
	if r.ranged || r.labels == nil {
		q.fail("expected an instant vector to aggregate")
	}
	if keeps {
		return r
	}
	q.has(r, by)
	return result{labels: by}
}

func (q *query) call(name, kind string) result {
	q.expect("(")
	if name == "time" {
		q.expect(")")
		return result{}
	}
	r := q.binary(0)
	if q.take(",") { // histogram_quantile(0.99, …)
		r = q.binary(0)
	}
	q.expect(")")
	if r.ranged != (kind != "") {
		q.fail("%s takes something else", name)
	}
	if kind != "" && r.kind != "" && r.kind != kind {
		q.fail("%s of a %s", name, r.kind)
	}
	labels := maps.Clone(r.labels)
	if name == "histogram_quantile" {
		q.has(r, map[string]bool{"le": true})
		delete(labels, "le")
	}
	return result{labels: labels}
}

func (q *query) selector(name string) result {
	m := q.exposed[name]
	if m == nil {
		q.fail("nobody exports %s", name)
	}
	r := result{labels: map[string]bool{}, kind: m.kind}
	for label := range m.labels {
		r.labels[label] = true
	}
	if q.take("{") {
		for !q.take("}") {
			label, op, value := q.next(), q.next(), strings.Trim(q.next(), `"`)
			q.has(r, map[string]bool{label: true})
			q.matches(m.labels[label], op, value)
			q.take(",")
		}
	}
	return r
}

// matches demands that some series has the value, or with =~ one of the pattern.
func (q *query) matches(values map[string]bool, op, value string) {
	if len(values) == 0 || strings.HasPrefix(value, "$") { // any value, or what the user of a dashboard chooses
		return
	}
	pattern := regexp.QuoteMeta(value)
	if strings.HasSuffix(op, "~") {
		pattern = value
	}
	for _, alternative := range strings.Split(pattern, "|") {
		whole, err := regexp.Compile("^(?:" + alternative + ")$")
		if err != nil {
			q.fail("%v", err)
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(values)), whole.MatchString) {
			q.fail("no series has a value %q, only %q", alternative, slices.Sorted(maps.Keys(values)))
		}
	}
}

// overTime reads [5m] or [30m:1m] behind an expression.
func (q *query) overTime(r result) result {
	if !q.take("[") {
		return r
	}
	for !q.take("]") {
		if q.next() == "" {
			q.fail("[ is not closed")
		}
	}
	r.ranged = true
	return r
}

func TestAQueryThatCanHaveNoResultIsNoticed(t *testing.T) {
	t.Parallel()
	e := exposed{}
	for _, outcome := range []string{"dead", "delivered"} {
		e.add("records_total", "counter", map[string]string{"group": "g", "outcome": outcome, "instance": ""})
	}
	e.add("held", "gauge", map[string]string{"group": "g", "instance": ""})
	for text, want := range map[string]string{
		`sum by (group) (rate(records_total{outcome=~"dead|delivered", group=~"$group"}[5m])) / 2 > 0`: "[group]",
		`sum by (group) (held) > 0 unless on (group) count by (group, instance) (held)`:                "[group]",
		`deriv(max by (group) (held)[30m:1m]) > 0 and max by (group) (held) > 4 * 1000`:                "[group]",
		`-sum(held)`:                                 "[]",
		`sum(hold)`:                                  "nobody exports hold",
		`records_total{outcome="lost"}`:              "no series has a value",
		`records_total{outcome!="lost"}`:             "no series has a value",
		`records_total{outcome=~"dead|lost"}`:        "no series has a value",
		`held{stream="s"}`:                           "no label stream",
		`sum by (outcome) (held)`:                    "no label outcome",
		`held / sum(held)`:                           "different labels",
		`sum by (group) (held) > on (instance) held`: "no label instance",
		`rate(held[5m])`:                             "rate of a gauge",
		`rate(records_total)`:                        "rate takes something else",
		`abs(held[5m])`:                              "abs takes something else",
		`held[5m]`:                                   "expected an instant vector",
		`histogram_quantile(0.5, held)`:              "no label le",
		`sum(held`:                                   "expected \")\"",
		`held and`:                                   "ends early",
		`held ; held`:                                "not understood",
	} {
		labels, err := e.labelsOf(text)
		if got := fmt.Sprint(labels, err); !strings.Contains(got, want) {
			t.Errorf("%s: %s, expected %s", text, got, want)
		}
	}
}
