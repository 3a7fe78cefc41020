// Package httppost delivers batches to an endpoint that takes newline separated
// JSON objects, one POST a batch, as Sumo Logic's HTTP source does.
//
// The answer holds for the batch as a whole: any 2xx that arrives complete is a
// delivery of all its records. What the endpoint refuses (400, 413, 422) is
// halved by the subscriber until single records are left. Delivery is at least
// once: after a lost answer the batch is sent again, and the endpoint may
// recognise it by the header Lm-Batch.
package httppost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"lagermeister/sink"
	"lagermeister/sink/httpclient"
)

// BatchHeader names a batch by the ids of its records: the first 16 bytes, in
// lower-case hex, of the SHA-256 of all ids, each followed by a newline.
const BatchHeader = "Lm-Batch"

// Config says where to post.
type Config struct {
	RemoteURL []string `envconfig:"REMOTE_URL" original:"true" url:"true" desc:"URLs to post batches to, used in turn; required unless STUB_HTTP is set"`
	StubHTTP  bool     `envconfig:"STUB_HTTP" original:"true" default:"false" desc:"post nothing and count every record as delivered; for measuring what comes before the sink"`

	httpclient.Config
}

// Validate checks the URLs.
func (c *Config) Validate() error {
	if c.StubHTTP && len(c.RemoteURL) == 0 {
		return nil
	}
	_, err := httpclient.ParseURLs("REMOTE_URL", c.RemoteURL)
	return err
}

// Sink is a sink.Liner; see package sink for what its methods promise.
type Sink struct {
	client  *httpclient.Client // nil: stub
	answers sync.Pool          // *bytes.Buffer
}

// Name is what dead letters, metrics and logs call every sink of this package.
const Name = "httppost"

// New returns a sink. It makes no connection.
func New(conf Config, log logrus.FieldLogger, reg prometheus.Registerer) (*Sink, error) {
	s := &Sink{answers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
	log = log.WithField("sink", Name)
	if conf.StubHTTP {
		log.Warn("STUB_HTTP is set: nothing is posted, and every record counts as delivered")
		return s, nil
	}
	urls, err := httpclient.ParseURLs("REMOTE_URL", conf.RemoteURL)
	if err != nil {
		return nil, err
	}
	s.client, err = httpclient.New(Name, conf.Config, urls, log, reg)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Name returns "httppost".
func (s *Sink) Name() string { return Name }

// Probe sends a HEAD request, which carries no record; endpoints that do not
// know it answer 404 or 405, and that is an answer.
func (s *Sink) Probe(ctx context.Context) error {
	if s.client == nil {
		return nil
	}
	return s.client.Probe(ctx, http.MethodHead, "")
}

// Close closes idle connections.
func (s *Sink) Close() {
	if s.client != nil {
		s.client.Close()
	}
}

// AppendHead appends nothing: a record's line is its document.
func (s *Sink) AppendHead(dst []byte, _ *sink.Record) []byte { return dst }

// Send makes one POST.
func (s *Sink) Send(ctx context.Context, batch []sink.Record, results []sink.Result) error {
	if len(batch) == 0 {
		return nil
	}
	if s.client == nil {
		fill(results, sink.Result{Outcome: sink.Delivered})
		return nil
	}
	body := s.client.NewBody()
	defer body.Release()
	for i := range batch {
		if line := batch[i].Line; len(line) > 0 {
			body.Lend(line)
			continue
		}
		body.Write(batch[i].Doc)
		body.Write(newline)
	}
	answer := s.answers.Get().(*bytes.Buffer)
	defer s.answers.Put(answer)

	_, failure := s.client.Do(ctx, httpclient.Request{
		Method: http.MethodPost,
		Header: map[string]string{"Content-Type": "application/json", BatchHeader: batchID(batch)},
		Body:   body,
		What:   fmt.Sprintf("%d records, %d bytes", len(batch), body.Len()),
	}, answer)
	if failure != nil {
		return sink.Conclude(failure, results)
	}
	fill(results, sink.Result{Outcome: sink.Delivered, Status: http.StatusOK})
	return nil
}

func fill(results []sink.Result, r sink.Result) {
	for i := range results {
		results[i] = r
	}
}

func batchID(batch []sink.Record) string {
	h := sha256.New()
	for i := range batch {
		h.Write(batch[i].ID)
		h.Write(newline)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

var newline = []byte{'\n'}
