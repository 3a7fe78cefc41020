package search

import (
	"context"
	"time"

	"lagermeister/heka/matcher"
)

// For the tests of package search_test, which may import searchtest.

// FillWithin is Fill with another deadline.
func FillWithin(ctx context.Context, r Request, src Source, deadline time.Duration) (Answer, error) {
	return fill(ctx, r, src, deadline)
}

// DecideDocument is the verdict on a document in ecs shape.
func DecideDocument(r *Request, restricted bool, id string, source []byte) Verdict {
	e := evaluator{request: r, restricted: restricted, specs: map[matcher.Test]*matcher.Spec{}}
	return e.decide(id, source)
}

// CompileQuery is the query for a spec, when its fields are mapped as our template
// does; those called num, frac, flag and mixed as that.
func CompileQuery(spec *matcher.Spec, ignored, restricted bool) any {
	types := fieldTypes{
		"heka.word": {"keyword"}, "heka.num": {"long"}, "heka.frac": {"double"}, "heka.flag": {"boolean"}, "heka.mixed": {"long", "keyword"}, "heka.none": nil,
		"@timestamp": {"date_nanos"}, "message": {"text"}, "process.pid": {"long"}, "log.syslog.severity.code": {"long"},
		"event.dataset": {"keyword"}, "event.id": {"keyword"}, "host.name": {"keyword"}, "log.logger": {"text", "keyword"},
	}
	c := compiler{types: types, ignored: ignored, restricted: restricted}
	return c.compile(spec.Root(), 0)
}

// MaxGoing is how many searches Handler lets go on at a time.
const MaxGoing = maxGoing

// ExamineWithin counts what matches with another deadline.
func ExamineWithin(ctx context.Context, r *Request, src Source, deadline time.Duration) (Sum, error) {
	return examine(ctx, r, src, deadline, func(*Row) {})
}

// CompileExactly is the clause that finds what a spec wants and nothing else.
func CompileExactly(spec *matcher.Spec) (any, bool) {
	c := exactCompiler{kinds: map[string]string{}}
	return c.compile(spec.Root(), 0)
}
