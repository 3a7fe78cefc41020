package search

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lagermeister/heka/matcher"
)

// LogsPath is where LogFlow Insight's query interface asks.
const LogsPath = "/logs"

// Log is a record in the words of LogFlow Insight; what a record does not have is
// "" or not there.
type Log struct {
	Level      string    `json:"level"`
	Message    string    `json:"message"`
	ResourceID string    `json:"resourceId,omitempty"`
	Timestamp  time.Time `json:"timestamp"`
	TraceID    string    `json:"traceId,omitempty"`
	SpanID     string    `json:"spanId,omitempty"`
	Commit     string    `json:"commit,omitempty"`
	Metadata   struct {
		ParentResourceID string `json:"parentResourceId,omitempty"`
	} `json:"metadata"`
}

// levels are the names of severities, and what else they are called.
var levels = [8][]string{
	{"emergency", "emerg", "panic"}, {"alert"}, {"critical", "crit", "fatal"}, {"error", "err"}, {"warning", "warn"}, {"notice"}, {"info", "informational"}, {"debug", "trace"},
}

// logFields are the parameters that ask for the value of a dynamic field.
var logFields = map[string]string{
	"resourceId": "resourceId", "traceId": "traceId", "spanId": "spanId", "commit": "commit", "parentResourceId": "metadata.parentResourceId",
}

var logParameters = []string{"level", "message", "startDate", "endDate", "resourceId", "traceId", "spanId", "commit", "parentResourceId", "limit", "cursor"}

// logsHandler answers as LogFlow Insight's GET /logs does, with the list alone,
// newest first; that there is more, the header Link says.
//
//	level, resourceId, traceId, spanId, commit, parentResourceId  is this
//	message                                                       contains this
//	startDate, endDate                                            both included
//	limit, cursor                                                 as for /api/v2/search
func logsHandler(store Store, places gate) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !isGet(w, r) || !places.enter(w, r) {
			return
		}
		defer places.leave()
		request, values, err := parse(r.URL.RawQuery, logParameters)
		if err == nil {
			err = request.fromLogs(values)
		}
		var answer Answer
		if err == nil {
			answer, err = store.Search(r.Context(), request)
		}
		if err != nil {
			status, p := problemOf(err)
			write(w, status, p)
			return
		}
		if answer.Next != "" {
			values.Set("cursor", answer.Next)
			w.Header().Set("Link", "<"+LogsPath+"?"+values.Encode()+`>; rel="next"`)
		}
		list := make([]Log, len(answer.Records))
		for i := range answer.Records {
			list[i] = logOf(&answer.Records[i])
		}
		write(w, http.StatusOK, list)
	})
}

// fromLogs takes over what /logs was asked for.
func (r *Request) fromLogs(values url.Values) (err error) {
	var terms []string
	if level := strings.ToLower(values.Get("level")); level != "" {
		severity := slices.IndexFunc(levels[:], func(names []string) bool { return slices.Contains(names, level) })
		if severity < 0 {
			return &ParameterError{Parameter: "level", Reason: strconv.Quote(level) + " is no level; there are emergency, alert, critical, error, warning, notice, info and debug"}
		}
		terms = append(terms, "Severity == "+strconv.Itoa(severity))
	}
	if message := values.Get("message"); message != "" {
		terms = append(terms, "Payload =~ /"+literal(message)+"/")
	}
	for _, name := range logParameters {
		if field, value := logFields[name], values.Get(name); field != "" && value != "" {
			terms = append(terms, "Fields["+field+`] =~ /\A`+literal(value)+`\z/`)
		}
	}
	if len(terms) > 0 {
		if r.Spec, err = matcher.Parse(strings.Join(terms, " && ")); err != nil {
			return &ParameterError{Parameter: "query", Reason: err.Error(), Err: err} // too long
		}
	}
	if r.From, _, err = parseDate("startDate", values.Get("startDate")); err != nil {
		return err
	}
	_, r.To, err = parseDate("endDate", values.Get("endDate"))
	return err
}

// literal is an expression that matches only text, to stand between slashes.
func literal(text string) string {
	return strings.NewReplacer("/", `\/`, "\n", `\n`, "\x00", `\x00`).Replace(regexp.QuoteMeta(text))
}

// dates are the forms of a date, without a zone in UTC, and how long what they name
// lasts.
var dates = []struct {
	layout string
	lasts  time.Duration
}{
	{time.RFC3339Nano, time.Millisecond}, {"2006-01-02T15:04:05", time.Second}, {"2006-01-02 15:04:05", time.Second}, {"2006-01-02T15:04", time.Minute}, {"2006-01-02", 24 * time.Hour},
}

// parseDate returns when what a date names begins and ends; "" is the zero time.
func parseDate(name, value string) (from, to time.Time, err error) {
	if value == "" {
		return from, to, nil
	}
	for _, d := range dates {
		if from, err = time.Parse(d.layout, value); err == nil {
			return from.UTC(), from.UTC().Add(d.lasts), nil
		}
	}
	return from, to, &ParameterError{Parameter: name, Reason: strconv.Quote(value) + " is no date such as 2006-01-02, 2006-01-02T15:04 or 2006-01-02T15:04:05Z"}
}

func logOf(r *Record) (l Log) {
	m := readMembers(r.Doc)
	field := func(name string) string {
		for _, text := range m.texts(Field{matcher.Test{Var: matcher.VarField, Name: name}}) {
			return text
		}
		return ""
	}
	if n := m.severity(); n >= 0 && n < len(levels) {
		l.Level = levels[n][0]
	}
	for _, text := range m.texts(Field{matcher.Test{Var: matcher.VarPayload}}) {
		l.Message = text
	}
	l.Timestamp, l.ResourceID, l.TraceID, l.SpanID, l.Commit = r.Time, field("resourceId"), field("traceId"), field("spanId"), field("commit")
	l.Metadata.ParentResourceID = field("metadata.parentResourceId")
	return l
}
