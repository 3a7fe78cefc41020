package search

import (
	"context"
	"errors"
	"time"

	"lagermeister/heka"
)

// Sum says how many records a count is about, and how sure it is.
type Sum struct {
	Counted int64  `json:"counted"`  // matching records that were counted
	TotalIs string `json:"total_is"` // Exact: these are all, and all do match; else AtLeast
	Partial bool   `json:"partial"`  // stopped by Deadline or MaxExamined
	TookMS  int64  `json:"took_ms"`  // set by the HTTP endpoint
}

// judge decides the candidates of one request.
type judge struct {
	request *Request
	message heka.Message
}

func (j *judge) verdict(row *Row) Verdict {
	switch {
	case j.request.Everything():
		return Yes
	case row.Decide != nil:
		return row.Decide(j.request)
	}
	// What was stored decodes; should it not, what came before the damage counts.
	_ = j.message.Parse(row.Body)
	if j.request.Spec.Match(&j.message) && HasTokens(j.message.Payload, j.request.Text) {
		return Yes
	}
	return No
}

// examine calls take with each match among the candidates in src, newest first,
// until MaxExamined of them have been looked at or the deadline is over. What was
// found by then is the sum. The cursor and the limit of the request play no part.
func examine(ctx context.Context, r *Request, src Source, deadline time.Duration, take func(*Row)) (Sum, error) {
	limited, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	sum := Sum{TotalIs: AtLeast}
	j := judge{request: r}
	exact, after := true, ""
	for examined := 0; ; {
		rows, err := src.Read(limited, after, readSize)
		if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return sum, err
		}
		for i := range rows {
			if examined++; examined > MaxExamined || limited.Err() != nil {
				break
			}
			after = rows[i].After
			verdict := j.verdict(&rows[i])
			if verdict == No {
				continue
			}
			exact = exact && verdict == Yes
			sum.Counted++
			take(&rows[i])
		}
		switch {
		case ctx.Err() != nil:
			return sum, ctx.Err()
		case err != nil, limited.Err() != nil, examined > MaxExamined:
			sum.Partial = true
			return sum, nil
		case len(rows) < readSize:
			if exact {
				sum.TotalIs = Exact
			}
			return sum, nil
		}
	}
}
