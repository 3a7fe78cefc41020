// Package bulk delivers records to the bulk API of Elasticsearch 8 and 9,
// OpenSearch 2 and 3, and to the embedded search store, which speaks it too.
//
//	body.go      records to a request
//	response.go  its answer to results, item by item
//	repair.go    documents that are refused for one field
//	template.go  the index template, put before the first bulk
//	client.go    one attempt
//
// The promise: a record is delivered when the answer names its id with a status
// that says so, and not otherwise. Ids are ours and the operation is create, so
// a batch may be sent any number of times; what the engine has already is
// answered with 409 and counts as delivered.
package bulk

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/sink"
	"lagermeister/sink/httpclient"
)

// Config says where the engine is and what its index template covers. RemoteURL
// has no default of its own: a program sets it before it reads the environment.
type Config struct {
	RemoteURL     []string `envconfig:"REMOTE_URL" url:"true" desc:"URLs of Elasticsearch or OpenSearch nodes, used in turn; may hold user:password@"`
	Index         string   `envconfig:"INDEX" default:"lagermeister-%{%Y.%m.%d}" desc:"index name; %{field} and %{%Y.%m.%d} are filled in for each record, dates from its timestamp (UTC)"`
	IndexTemplate bool     `envconfig:"INDEX_TEMPLATE" default:"true" desc:"put the index template lagermeister at start, when it is absent or older than ours"`
	Repair        bool     `envconfig:"REPAIR" default:"true" desc:"send a record that is refused for one field once more, with this field as text under unmapped. and lm.repaired true; false: it becomes a dead letter"`

	httpclient.Config

	// KeepFrames sends each record's original frame along, for the embedded
	// store. It is set in wiring: other engines refuse such a request.
	KeepFrames bool `ignored:"true"`
}

// Validate checks the URLs; Index is checked by who fills it in.
func (c *Config) Validate() error {
	_, err := httpclient.ParseURLs("REMOTE_URL", c.RemoteURL)
	return err
}

// Sink is a sink.Liner; see package sink for what its methods promise.
type Sink struct {
	client     *httpclient.Client
	keepFrames bool
	repair     bool
	template   *template
	answers    sync.Pool // *bytes.Buffer
	fields     fields
}

// Name is what dead letters, metrics and logs call every sink of this package.
const Name = "bulk"

// New returns a sink. It makes no connection: the index template is put before
// the first batch is sent, whenever the engine can be reached.
func New(conf Config, log logrus.FieldLogger, reg prometheus.Registerer) (*Sink, error) {
	urls, err := httpclient.ParseURLs("REMOTE_URL", conf.RemoteURL)
	if err != nil {
		return nil, err
	}
	log = log.WithField("sink", Name)
	client, err := httpclient.New(Name, conf.Config, urls, log, reg)
	if err != nil {
		return nil, err
	}
	s := &Sink{
		client:     client,
		keepFrames: conf.KeepFrames,
		repair:     conf.Repair,
		fields:     fields{log: log},
		answers:    sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	if conf.IndexTemplate {
		s.template = newTemplate(client, conf.Pattern(), log)
	}
	return s, nil
}

// Name returns "bulk".
func (s *Sink) Name() string { return Name }

// Probe asks for the engine's name and version.
func (s *Sink) Probe(ctx context.Context) error { return s.client.Probe(ctx, http.MethodGet, "/") }

// Close closes idle connections.
func (s *Sink) Close() { s.client.Close() }

// Send makes one _bulk request, and another one for records that are refused
// because of one field.
func (s *Sink) Send(ctx context.Context, batch []sink.Record, results []sink.Result) error {
	if len(batch) == 0 {
		return nil
	}
	if s.template != nil {
		if err := s.template.ensure(ctx); err != nil {
			return sink.Conclude(err, results)
		}
	}
	conflicts, failure := s.post(ctx, batch, results)
	if s.repair && len(conflicts) > 0 {
		failure = worse(failure, s.sendRepaired(ctx, batch, results, conflicts))
	}
	if failure != nil {
		return failure
	}
	return nil
}

// post makes one _bulk request and names the records refused for one field.
func (s *Sink) post(ctx context.Context, batch []sink.Record, results []sink.Result) ([]conflict, *sink.Error) {
	body := s.client.NewBody()
	defer body.Release()
	s.fill(body, batch)
	answer := s.answers.Get().(*bytes.Buffer)
	defer s.answers.Put(answer)

	attempt, failure := s.client.Do(ctx, httpclient.Request{
		Method: http.MethodPost,
		Path:   path,
		Header: header,
		Body:   body,
		What:   fmt.Sprintf("%d records, %d bytes", len(batch), body.Len()),
	}, answer)
	if failure != nil {
		return nil, conclude(failure, results)
	}
	said, err := parse(answer.Bytes(), batch, results)
	if err != nil {
		return nil, conclude(&sink.Error{Class: sink.Again, Attempt: attempt, Err: err}, results)
	}
	if said.worst != nil {
		said.worst.Attempt = attempt
	}
	return said.conflicts, said.worst
}

// conclude is sink.Conclude.
func conclude(err *sink.Error, results []sink.Result) *sink.Error {
	if sink.Conclude(err, results) == nil {
		return nil
	}
	return err
}

// path asks for what parse, and httpclient of a refusal, read and no more: a third
// of the answer, which otherwise is longer than many a record. Who does not know
// filter_path says all.
const path = "/_bulk?filter_path=error,items.*._id,items.*.status,items.*.error,items.*.failure_store"

var header = map[string]string{"Content-Type": "application/x-ndjson", "Accept": "application/json"}
