package search_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lagermeister/search"
)

func getLogs(store search.Store, values url.Values) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	search.Handlers(store)[search.LogsPath].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/logs?"+values.Encode(), nil))
	return w
}

func TestLogsAreAskedForAsLogFlowInsightDoes(t *testing.T) {
	t.Parallel()
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		query    url.Values
		spec     string
		from, to time.Time
	}{
		{url.Values{}, "", time.Time{}, time.Time{}},
		{url.Values{"level": {"ERROR"}}, "Severity == 3", time.Time{}, time.Time{}},
		{url.Values{"level": {"warn"}, "message": {"a/b (c)\n"}}, `Severity == 4 && Payload =~ /a\/b \(c\)\n/`, time.Time{}, time.Time{}},
		{
			url.Values{"resourceId": {"server-1234"}, "traceId": {"it's"}, "spanId": {`\`}, "commit": {"5e5342f"}, "parentResourceId": {"server-0987"}},
			`Fields[resourceId] =~ /\Aserver-1234\z/ && Fields[traceId] =~ /\Ait's\z/ && Fields[spanId] =~ /\A\\\z/ && Fields[commit] =~ /\A5e5342f\z/ && Fields[metadata.parentResourceId] =~ /\Aserver-0987\z/`,
			time.Time{}, time.Time{},
		},
		{url.Values{"startDate": {"2026-11-20"}, "endDate": {"2026-11-21"}}, "", day(20), day(22)},
		{url.Values{"endDate": {"2026-11-20T08:30"}}, "", time.Time{}, day(20).Add(8*time.Hour + 31*time.Minute)},
		{url.Values{"startDate": {"2026-11-20T01:00:00+01:00"}, "endDate": {"2026-11-20T00:00:00Z"}}, "", day(20), day(20).Add(time.Millisecond)},
	} {
		store := &asked{}
		if w := getLogs(store, c.query); w.Code != http.StatusOK {
			t.Errorf("%v: status %d: %s", c.query, w.Code, w.Body)
			continue
		}
		r, spec := store.request, ""
		if r.Spec != nil {
			spec = r.Spec.String()
		}
		if spec != c.spec || !r.From.Equal(c.from) || !r.To.Equal(c.to) {
			t.Errorf("%v: the store was asked %s from %v to %v,\nwant %s from %v to %v", c.query, spec, r.From, r.To, c.spec, c.from, c.to)
		}
	}
}

func TestLogsAreAnsweredInLogFlowInsightsShapeAndSayThatThereIsMore(t *testing.T) {
	t.Parallel()
	store := &asked{doc: `{"message":"Failed","log.syslog.severity.code":3,"heka.resourceId":"server-1234","heka.traceId":["abc","def"],"heka.metadata.parentResourceId":"server-0987"}`}
	w := getLogs(store, url.Values{"level": {"error"}, "limit": {"1"}})
	const want = `[{"level":"error","message":"Failed","resourceId":"server-1234","timestamp":"1970-01-01T00:00:01.000000005Z","traceId":"abc","metadata":{"parentResourceId":"server-0987"}}]`
	if got := strings.TrimSpace(w.Body.String()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if link := w.Header().Get("Link"); link != `</logs?cursor=n&level=error&limit=1>; rel="next"` {
		t.Errorf("Link %s", link)
	}
}

func TestWhatLogsCannotBeAskedIs400AndNamed(t *testing.T) {
	t.Parallel()
	for query, parameter := range map[string]string{"level=loud": "level", "startDate=yesterday": "startDate", "endDate=1": "endDate", "q=TRUE": "q", "limit=0": "limit"} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		w := getLogs(&asked{}, values)
		var p struct{ Parameter string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusBadRequest || p.Parameter != parameter {
			t.Errorf("%s: status %d, %s", query, w.Code, w.Body)
		}
	}
}
