package bulk

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"

	"lagermeister/sink"
	"lagermeister/sink/httpclient"
)

// The composable index template is named templateName. templateVersion rises
// with every change of template.json, which explains itself:
//
//   - heka.* strings are keywords of up to 8191 characters, since Lucene takes
//     no term above 32766 bytes; longer ones are kept but not indexed;
//   - @timestamp has nanoseconds; a time before 1970, which date_nanos cannot
//     hold, is kept but not indexed instead of costing the record;
//   - unmapped, where repaired documents have what the index refused, is kept but
//     not looked at: flattened (Elasticsearch) refuses long names and flat_object
//     (OpenSearch) long values and dotted names;
//   - no string is taken for a date: the first value would decide for all;
//   - the priority is low, so that an operator's own template wins.
const (
	templateName    = "lagermeister"
	templateVersion = 2
)

//go:embed template.json
var templateJSON []byte

// beyondLimit keeps a record whose fields exceed total_fields.limit, without
// indexing the new ones. Elasticsearch knows it since 8.14, OpenSearch does not.
const beyondLimit = "index.mapping.total_fields.ignore_dynamic_beyond_limit"

// template puts the index template once.
type template struct {
	client  *httpclient.Client
	log     logrus.FieldLogger
	pattern string
	turn    chan struct{} // holds one token; whoever has it may put
	done    chan struct{} // closed when nothing is left to do
}

func newTemplate(client *httpclient.Client, pattern string, log logrus.FieldLogger) *template {
	t := &template{
		client:  client,
		log:     log.WithField("template", templateName),
		pattern: pattern,
		turn:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	t.turn <- struct{}{}
	if strings.HasPrefix(t.pattern, "*") {
		t.log.WithField("pattern", t.pattern).Warn("index template is not put: INDEX starts with a variable part, so it would cover indices of others; give the mapping yourself")
		close(t.done)
	}
	return t
}

var interpolation = regexp.MustCompile(`%\{[^}]*\}`)

// Pattern covers every name that Index can become: its variable parts are "*".
func (c *Config) Pattern() string {
	s := strings.ToLower(interpolation.ReplaceAllString(c.Index, "*"))
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return s
}

// ensure returns nil once the template is there or will not be: without the
// right to put it, or when the engine does not take it, indices are created
// with the engine's own guesses, and a warning says so. An error means that
// nothing is known yet and nothing should be sent.
func (t *template) ensure(ctx context.Context) *sink.Error {
	select {
	case <-t.done:
		return nil
	default:
	}
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		return &sink.Error{Class: sink.Again, Attempt: "wait for the index template", Err: context.Cause(ctx)}
	case <-t.turn:
	}
	failure := t.put(ctx)
	if failure != nil && !unwilling(failure) {
		t.turn <- struct{}{}
		return failure
	}
	if failure != nil {
		t.log.WithError(failure).Warn("index template is not put; new indices get the mapping the engine guesses")
	}
	close(t.done)
	return nil
}

// unwilling tells an engine that answers but does not take a template, whatever
// it says, from one that cannot be reached or does not let us in.
func unwilling(err *sink.Error) bool {
	switch err.Status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return false
	case http.StatusOK, http.StatusNotImplemented:
		return true
	}
	return err.Status/100 == 4 && err.Class != sink.Again
}

func (t *template) put(ctx context.Context) *sink.Error {
	patterns := []string{t.pattern}
	found, err := t.get(ctx)
	if err != nil {
		return err
	}
	if found != nil {
		log := t.log.WithField("version", found.Version)
		switch {
		case found.Meta.ManagedBy != templateName:
			log.Warn("an index template of this name exists and is not ours; it is left as it is")
			return nil
		case found.Version > templateVersion,
			found.Version == templateVersion && slices.Contains(found.Patterns, t.pattern):
			log.Info("index template is in place")
			return nil
		}
		for _, p := range found.Patterns { // of other subscribers
			if p != t.pattern {
				patterns = append(patterns, p)
			}
		}
	}
	err = t.request(ctx, http.MethodPut, t.render(patterns, true), nil)
	if err != nil && err.Status == http.StatusBadRequest {
		err = t.request(ctx, http.MethodPut, t.render(patterns, false), nil) // perhaps an engine without beyondLimit
	}
	if err == nil {
		t.log.WithField("patterns", patterns).Info("index template is put")
	}
	return err
}

// existing is what matters of a template that is there.
type existing struct {
	Patterns patternList `json:"index_patterns"`
	Version  int         `json:"version"`
	Meta     struct {
		ManagedBy string `json:"managed_by"`
	} `json:"_meta"`
}

// patternList is a list, or one pattern without the brackets.
type patternList []string

func (p *patternList) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(p))
	}
	*p = make([]string, 1)
	return json.Unmarshal(data, &(*p)[0])
}

// get returns the engine's template of our name, nil when there is none.
func (t *template) get(ctx context.Context) (*existing, *sink.Error) {
	var answer struct {
		Templates []struct {
			Name  string   `json:"name"`
			Index existing `json:"index_template"`
		} `json:"index_templates"`
	}
	err := t.request(ctx, http.MethodGet, nil, &answer)
	if err != nil && err.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range answer.Templates {
		if answer.Templates[i].Name == templateName {
			return &answer.Templates[i].Index, nil
		}
	}
	return nil, nil
}

// render fills in template.json.
func (t *template) render(patterns []string, beyond bool) []byte {
	var doc struct {
		Patterns []string        `json:"index_patterns"`
		Priority int             `json:"priority"`
		Version  int             `json:"version"`
		Meta     json.RawMessage `json:"_meta"`
		Template struct {
			Settings map[string]any  `json:"settings"`
			Mappings json.RawMessage `json:"mappings"`
		} `json:"template"`
	}
	if err := json.Unmarshal(templateJSON, &doc); err != nil {
		panic(err) // a test reads it
	}
	doc.Patterns, doc.Version = patterns, templateVersion
	if beyond {
		doc.Template.Settings[beyondLimit] = true
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return text
}

func (t *template) request(ctx context.Context, method string, text []byte, into any) *sink.Error {
	r := httpclient.Request{
		Method: method,
		Path:   "/_index_template/" + templateName,
		Header: map[string]string{"Accept": "application/json"},
	}
	if text != nil {
		r.Header["Content-Type"] = "application/json"
		r.Body = t.client.NewBody()
		defer r.Body.Release()
		r.Body.Write(text)
	}
	var answer bytes.Buffer
	attempt, err := t.client.Do(ctx, r, &answer)
	if err != nil || into == nil {
		return err
	}
	if err := json.Unmarshal(answer.Bytes(), into); err != nil {
		return &sink.Error{Class: sink.Pause, Attempt: attempt, Status: http.StatusOK, Err: err}
	}
	return nil
}
