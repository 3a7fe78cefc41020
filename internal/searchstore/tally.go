package searchstore

import (
	"database/sql/driver"
	"encoding/json"

	"modernc.org/sqlite"
)

// SQLite groups by sorting, which for a million rows takes seconds. So rows are
// counted by aggregate functions of ours, in one pass over an index:
//
//	lm_tally(a, b, …)                      how often each value of a, of b, …
//	lm_over_time(time, severity, from, step)
//	                                       how often each of 8*i + severity, with i
//	                                       the number of the step that time (ns) is
//	                                       in, counted from from (both ms), and the
//	                                       severity cut to 0..7
//
// All arguments are integers. The result is the JSON of a tally.
func init() {
	sqlite.MustRegisterFunction("lm_tally", &sqlite.FunctionImpl{NArgs: -1, Deterministic: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return &tally{}, nil }})
	sqlite.MustRegisterFunction("lm_over_time", &sqlite.FunctionImpl{NArgs: 4, Deterministic: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return &overTime{}, nil }})
}

// tally is how often there was each value of each argument.
type tally []map[int64]int64

// Step is part of sqlite.AggregateFunction.
func (t *tally) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	for len(*t) < len(args) {
		*t = append(*t, map[int64]int64{})
	}
	for i, arg := range args {
		n, _ := arg.(int64) // all columns are
		(*t)[i][n]++
	}
	return nil
}

// WindowInverse is part of sqlite.AggregateFunction.
func (t *tally) WindowInverse(_ *sqlite.FunctionContext, args []driver.Value) error {
	for i, arg := range args {
		n, _ := arg.(int64)
		(*t)[i][n]--
	}
	return nil
}

// WindowValue is part of sqlite.AggregateFunction.
func (t *tally) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	text, err := json.Marshal(*t)
	return string(text), err
}

// Final is part of sqlite.AggregateFunction.
func (t *tally) Final(*sqlite.FunctionContext) {}

// overTime is a tally of one key that is made of the arguments.
type overTime struct {
	tally
	key [1]driver.Value
}

// Step is part of sqlite.AggregateFunction.
func (o *overTime) Step(ctx *sqlite.FunctionContext, args []driver.Value) error {
	o.key[0] = overTimeKey(args)
	return o.tally.Step(ctx, o.key[:])
}

// WindowInverse is part of sqlite.AggregateFunction.
func (o *overTime) WindowInverse(ctx *sqlite.FunctionContext, args []driver.Value) error {
	o.key[0] = overTimeKey(args)
	return o.tally.WindowInverse(ctx, o.key[:])
}

func overTimeKey(args []driver.Value) int64 {
	time, _ := args[0].(int64)
	severity, _ := args[1].(int64)
	from, _ := args[2].(int64)
	step, _ := args[3].(int64)
	return floorDiv(floorDiv(time, 1e6)-from, max(step, 1))*8 + min(max(severity, 0), 7)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
