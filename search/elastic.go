package search

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"lagermeister/heka/matcher"
)

// ElasticConfig says where documents in ecs shape are.
type ElasticConfig struct {
	URLs  []string // of one cluster; the next is asked when one does not answer
	Index string   // names or patterns, comma-separated, such as lagermeister-*

	// Client sends the requests, with whatever authentication and TLS they need;
	// nil is http.DefaultClient. user:password@ in a URL counts before it.
	Client *http.Client

	// Mask takes secrets out of the engine's words, which may repeat what it was
	// sent; nil takes out none but those of URLs.
	Mask func(string) string

	// Restricted says that documents may lack headers or fields of their
	// messages (FIELDS or DYNAMIC_FIELDS of the subscriber are set). Then what is
	// absent from a document is not known to be absent from its message.
	Restricted bool
}

// Elastic searches Elasticsearch (8, 9) or OpenSearch (2, 3). It expects the
// mappings of our index template; a field that is mapped in another way is not
// asked for, which makes searching slower but loses nothing.
//
// One kind of record is not found: a test of numbers does not find a field whose
// values are NaN or infinite, side by side with other numbers for which the test
// fails. And in facets of OpenSearch, which does not tell, a header of more than
// 8,191 bytes counts as absent.
type Elastic struct {
	config ElasticConfig
	nodes  []node
	last   atomic.Int64 // the node that answered last
}

// node is one of the URLs. Some services take a path or a query for a token: only
// the name is shown, as are those of the sinks.
type node struct {
	name  string        // scheme and host
	base  string        // with the path
	query string        // sent with every request
	user  *url.Userinfo // nil: the client authenticates
}

// NewElastic returns a store; it does not connect. An error names what in the
// config cannot be.
func NewElastic(config ElasticConfig) (*Elastic, error) {
	if config.Index == "" {
		return nil, errors.New("search store: no index")
	}
	if config.Client == nil {
		config.Client = http.DefaultClient
	}
	e := &Elastic{config: config}
	for _, text := range config.URLs {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("search store: want URLs such as http://host:port or https://host:port")
		}
		name := u.Scheme + "://" + u.Host
		e.nodes = append(e.nodes, node{name, name + strings.TrimRight(u.EscapedPath(), "/"), u.RawQuery, u.User})
	}
	if len(e.nodes) == 0 {
		return nil, errors.New("search store: no URL")
	}
	return e, nil
}

// Search implements Store.
func (e *Elastic) Search(ctx context.Context, r Request) (Answer, error) {
	return Fill(ctx, r, &elasticSource{Elastic: e, request: r})
}

// elasticSource reads the candidates of one request.
type elasticSource struct {
	*Elastic
	request Request

	oldestFirst bool // instead of newest first

	query  clause // nil until the first Read
	decide *evaluator
	total  int64
}

// sorted is by time, for desc newest first; what has no time in the index, for it is before 1970,
// comes last (0 and not "_last", of which OpenSearch 2 cannot find the next page). Documents of the same time are told apart by position
// and uuid, since _id cannot be sorted by; two that agree in all of this came
// from different streams without a uuid at the same nanosecond.
func sorted(order string) []clause {
	return []clause{
		{"@timestamp": clause{"order": order, "unmapped_type": "date_nanos", "missing": 0}},
		{"lm.position": clause{"order": order, "unmapped_type": "keyword"}},
		{"event.id": clause{"order": order, "unmapped_type": "keyword"}},
	}
}

// searchAnswer is what we need of the answer to _search.
type searchAnswer struct {
	Hits struct {
		Total struct{ Value int64 }
		Hits  []hit
	}
}

type hit struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"`
	Sort   json.RawMessage
}

// Read is part of Source. A cursor is the sort values of the last hit.
func (s *elasticSource) Read(ctx context.Context, after string, n int) ([]Row, error) {
	if s.query == nil {
		if err := s.prepare(ctx); err != nil {
			return nil, err
		}
	}
	order := sorted("desc")
	if s.oldestFirst {
		order = sorted("asc")
	}
	body := clause{"size": n, "query": s.query, "sort": order, "track_total_hits": s.request.Everything()}
	if after != "" {
		var values []any
		if json.Unmarshal([]byte(after), &values) != nil || len(values) != len(order) {
			return nil, &ParameterError{Parameter: "cursor", Reason: "not one of this store"}
		}
		body["search_after"] = json.RawMessage(after)
	}
	var answer searchAnswer
	// Without all shards there could be less than all matches.
	if _, err := s.do(ctx, "_search?allow_partial_search_results=false", body, &answer); err != nil {
		return nil, err
	}
	s.total = answer.Hits.Total.Value
	rows := make([]Row, len(answer.Hits.Hits))
	for i, h := range answer.Hits.Hits {
		rows[i] = s.row(h)
	}
	return rows, nil
}

func (s *elasticSource) row(h hit) Row {
	var known struct {
		Time     string `json:"@timestamp"`
		Position string `json:"lm.position"`
	}
	_ = json.Unmarshal(h.Source, &known) // what is missing or of another kind stays empty
	at, _ := time.Parse(time.RFC3339Nano, known.Time)
	return Row{
		Record: Record{ID: h.ID, Index: h.Index, Position: known.Position, Time: at, Doc: h.Source},
		After:  string(h.Sort),
		Decide: func(*Request) Verdict { return s.decide.decide(h.ID, h.Source) },
	}
}

// Count is part of Source.
func (s *elasticSource) Count(context.Context) (int64, error) { return s.total, nil }

// prepare compiles the request, after asking how the fields in it are mapped.
func (s *elasticSource) prepare(ctx context.Context) error {
	s.decide = &evaluator{request: &s.request, restricted: s.config.Restricted, specs: map[matcher.Test]*matcher.Spec{}}
	c := compiler{restricted: s.config.Restricted}
	query := everything
	if !s.request.Everything() {
		var err error
		if c.types, c.ignored, err = s.fieldTypes(ctx); err != nil {
			return err
		}
		list := []clause{c.compile(s.request.Spec.Root(), 0)}
		for _, word := range s.request.Text {
			list = append(list, c.words(documentFields[matcher.VarPayload], word))
		}
		query = allOf(list...)
		if query != nil && !c.restricted { // a repaired document is another one than its message
			query = anyOf(query, exists("lm.repaired"))
		}
	}
	if s.query = allOf(query, s.span()); s.query == nil {
		s.query = clause{"match_all": clause{}}
	}
	return nil
}

// span is the time asked for. The index holds times from 1970 to 2262; what is
// older has none in it, and is neither told apart from other such nor from 1970.
func (s *elasticSource) span() clause {
	from, to := s.request.From, s.request.To
	first, last := time.Unix(0, 0), time.Unix(0, math.MaxInt64)
	bounds := clause{}
	if to.After(first) && to.Before(last) {
		bounds["lt"] = formatTime(to)
	}
	switch {
	case from.After(last), !to.IsZero() && !to.After(from):
		return nothing
	case from.After(first):
		bounds["gte"] = formatTime(from)
		return between("@timestamp", bounds)
	case !to.IsZero() && !to.After(first):
		return absent("@timestamp")
	case len(bounds) == 0:
		return everything
	}
	return anyOf(between("@timestamp", bounds), absent("@timestamp"))
}

// fieldTypes asks how what the request looks at is mapped; ignored tells whether
// the engine has _ignored for all that it left out, as Elasticsearch does.
func (s *elasticSource) fieldTypes(ctx context.Context) (types fieldTypes, ignored bool, err error) {
	names, length := map[string]bool{documentFields[matcher.VarPayload]: true}, 0
	for todo := []matcher.Node{s.request.Spec.Root()}; len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch n := n.(type) {
		case matcher.And:
			todo = append(todo, n.X, n.Y)
		case matcher.Or:
			todo = append(todo, n.X, n.Y)
		case matcher.Test:
			name := documentField(&n)
			if length += len(url.QueryEscape(name)) + 3; !strings.ContainsAny(name, "*,?\\") && length < maxLine {
				names[name] = true
			}
		}
	}
	return s.typesOf(ctx, slices.Sorted(maps.Keys(names)))
}

// typesOf asks how fields are mapped.
func (s *elasticSource) typesOf(ctx context.Context, list []string) (types fieldTypes, ignored bool, err error) {
	var answer struct {
		Fields map[string]map[string]struct{ Searchable bool }
	}
	header, err := s.do(ctx, "_field_caps?fields="+url.QueryEscape(strings.Join(list, ",")), nil, &answer)
	if err != nil {
		return nil, false, err
	}
	types = fieldTypes{}
	for _, name := range list {
		types[name] = nil
		for kind, caps := range answer.Fields[name] {
			if !caps.Searchable {
				kind = "not searchable"
			}
			types[name] = append(types[name], kind)
		}
	}
	return types, header.Get("X-Elastic-Product") == "Elasticsearch", nil
}

// maxLine bounds the names in a URL; engines take 4 KiB. What is not asked about
// is not searched for.
const maxLine = 3000
