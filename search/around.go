package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"lagermeister/heka/matcher"
)

// Limits of what is shown around a record.
const (
	DefaultAround = 20
	MaxAround     = 100 // records before, and after
)

// ErrNotFound says that a store has no record with an id.
var ErrNotFound = errors.New("no such record")

// Found is one record.
type Found struct {
	Record Record
	Frame  []byte // as it was received; nil when the store does not keep that
}

// Around is a record among those of the same Hostname and Logger. Both lists are
// in order of time, oldest first, so that Before, Record and After are one list.
type Around struct {
	Before  []Record `json:"before"`
	Record  Record   `json:"record"`
	After   []Record `json:"after"`
	Partial bool     `json:"partial"` // stopped by Deadline, MaxExamined or MaxPage: a list may be short
	TookMS  int64    `json:"took_ms"` // set by the HTTP endpoint
}

// SameSource selects the records of a hostname and a logger.
func SameSource(hostname, logger string) *matcher.Spec {
	equals := func(v matcher.Var, text string) matcher.Node {
		return matcher.Test{Var: v, Op: matcher.OpEqual, Const: matcher.Const{Kind: matcher.ConstString, Text: text}}
	}
	return matcher.New(matcher.And{X: equals(matcher.VarHostname, hostname), Y: equals(matcher.VarLogger, logger)})
}

// Find is part of Store.
func (e *Elastic) Find(ctx context.Context, id string) (Found, error) {
	h, err := e.find(ctx, id)
	if err != nil {
		return Found{}, err
	}
	record := (&elasticSource{Elastic: e}).row(h).Record
	record.Exact = true
	return Found{Record: record}, nil
}

// maxID is the longest id of a document, bytes.
const maxID = 512

func (e *Elastic) find(ctx context.Context, id string) (hit, error) {
	missing := fmt.Errorf("id %.60q: %w", id, ErrNotFound)
	if id == "" || len(id) > maxID { // which the engines refuse
		return hit{}, missing
	}
	ctx, cancel := context.WithTimeout(ctx, Deadline)
	defer cancel()
	var answer searchAnswer
	body := clause{"size": 1, "query": clause{"ids": clause{"values": []string{id}}}, "sort": sorted("desc")}
	if _, err := e.do(ctx, "_search?allow_partial_search_results=false", body, &answer); err != nil {
		return hit{}, err
	}
	if len(answer.Hits.Hits) == 0 {
		return hit{}, missing
	}
	return answer.Hits.Hits[0], nil
}

// Around is part of Store.
func (e *Elastic) Around(ctx context.Context, id string, n int) (Around, error) {
	h, err := e.find(ctx, id)
	if err != nil {
		return Around{}, err
	}
	var known struct {
		Hostname string `json:"host.name"`
		Logger   string `json:"log.logger"`
	}
	_ = json.Unmarshal(h.Source, &known) // what is missing or of another kind stays empty
	r := Request{Spec: SameSource(known.Hostname, known.Logger), Limit: n, Cursor: formatCursor(string(h.Sort), 0)}
	before, err := Fill(ctx, r, &elasticSource{Elastic: e, request: r})
	if err != nil {
		return Around{}, err
	}
	after, err := Fill(ctx, r, &elasticSource{Elastic: e, request: r, oldestFirst: true})
	if err != nil {
		return Around{}, err
	}
	slices.Reverse(before.Records)
	record := (&elasticSource{Elastic: e}).row(h).Record
	record.Exact = true
	return Around{Before: before.Records, Record: record, After: after.Records, Partial: before.Partial || after.Partial}, nil
}
