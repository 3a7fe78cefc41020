package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lagermeister/internal/pipeline"
	"lagermeister/sink/sinktest"
)

// The alerts and the Grafana dashboard ask Prometheus for what a pipeline that has
// had its share of trouble really exports: every name, every label, every value.
func TestEveryQueryOfAlertsAndDashboardHasAnAnswer(t *testing.T) {
	t.Parallel()
	r := troubled(t)
	exported := exposed{}
	var page string
	for _, later := range []string{"ledger_records", "stream_held_by", "stream_seconds_until_full", "subscriber_unacknowledged_blocks"} {
		eventually(t, later+" has been looked up", func() bool {
			page = r.metrics(t)
			return strings.Contains(page, "\nlagermeister_"+later+"{")
		})
	}
	exported.read(t, page)
	exported.add("up", "gauge", map[string]string{"instance": "", "job": "lagermeister"})

	for _, a := range alertRules(t) {
		for _, part := range []string{"severity", "summary", "action"} {
			if !strings.Contains(a.text, part+": ") {
				t.Errorf("alert %s has no %s", a.name, part)
			}
		}
		labels, err := exported.labelsOf(a.expr)
		if err != nil {
			t.Errorf("alert %s: %v", a.name, err)
			continue
		}
		within := queried.FindAllStringSubmatch(a.text, -1)
		for _, m := range within {
			if _, err := exported.labelsOf(m[1]); err != nil {
				t.Errorf("alert %s: %v", a.name, err)
			}
		}
		for _, m := range alertLabel.FindAllStringSubmatch(a.text, -1) {
			if !slices.Contains(labels, m[1]) {
				t.Errorf("alert %s speaks of $labels.%s, the expression has %v", a.name, m[1], labels)
			}
		}
		fires := map[string]string{"alertname": a.name, "alertstate": "firing", "severity": ""}
		for _, label := range labels {
			fires[label] = ""
		}
		exported.add("ALERTS", "gauge", fires)
	}

	asked := 0
	for _, p := range grafanaPanels(t) {
		for _, target := range p.Targets {
			asked++
			labels, err := exported.labelsOf(grafanaRange.Replace(target.Expr))
			if err != nil {
				t.Errorf("panel %s: %v", p.Title, err)
				continue
			}
			for _, m := range legendLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(labels, m[1]) {
					t.Errorf("panel %s: the legend speaks of %s, the query has %v", p.Title, m[1], labels)
				}
			}
		}
		if len(p.Targets) == 0 && p.Type != "row" || p.Description == "" && p.Type != "row" {
			t.Errorf("panel %s has no query or no description", p.Title)
		}
	}
	if asked < 50 {
		t.Errorf("the dashboard has only %d queries", asked)
	}
}

// The cases say of all alerts at once which fire at a time, so naming one where it
// fires is enough.
func TestEachAlertHasACaseInWhichItFires(t *testing.T) {
	t.Parallel()
	cases, err := os.ReadFile("../deploy/prometheus/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alertRules(t) {
		if !strings.Contains(string(cases), `{labels: 'ALERTS{alertname="`+a.name+`"`) {
			t.Errorf("no case of alerts_test.yml has alert %s fire", a.name)
		}
	}
}

// troubled is a pipeline with traffic over both inputs that has refused a record,
// met a sink that failed and one that refuses for good, and filled its stream up.
func troubled(t *testing.T) *relay {
	t.Helper()
	far := sinktest.New(t)
	far.Fail(sinktest.Status(http.StatusServiceUnavailable))
	const size = 8 << 10
	r := start(t, to(far), func(s *pipeline.Settings) { s.Stream.StreamMaxBytes = 16 << 20 })
	if status := r.post(t, http.DefaultClient, []byte("no record")); status != http.StatusBadRequest {
		t.Fatalf("status %d", status)
	}
	conn := dial(t, r.TCP)
	enough, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			select {
			case <-enough:
				return
			default:
			}
			if _, err := conn.Write(frame(n, size)); err != nil { // waits while the stream is full
				return
			}
		}
	}()
	eventually(t, "the stream is full", func() bool {
		return r.metric(t, "lagermeister_publisher_failed_sends_total", "reason", "full") > 0
	})
	close(enough)
	eventually(t, "batches are sent again", func() bool {
		return r.metric(t, "lagermeister_subscriber_retries_total", "class", "again") > 0
	})
	far.Fail(sinktest.RefuseItems(func(rec sinktest.Record) *sinktest.Item {
		if number(t, rec.Doc) == 7 {
			return &sinktest.Item{Status: 400, Type: "too_odd", Reason: "number 7 is too odd"}
		}
		return nil
	}))
	<-done
	eventually(t, "a record is a dead letter", func() bool {
		return r.metric(t, "lagermeister_subscriber_records_total", "outcome", "dead") == 1
	})
	return r
}

// metrics is what Prometheus is given.
func (r *relay) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + r.Admin.String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	return string(body)
}

var (
	kindLine   = regexp.MustCompile(`^# TYPE (\w+) (\w+)$`)
	seriesLine = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? \S+$`)
	labelPair  = regexp.MustCompile(`(\w+)="([^"]*)"`)

	queried     = regexp.MustCompile(`query "([^"]*)"`)
	alertLabel  = regexp.MustCompile(`\$labels\.(\w+)`)
	legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
)

// read takes in a page of /metrics. Only local_relay has the label part, so that
// nothing may ask for it; instance and job come from Prometheus.
func (e exposed) read(t *testing.T, page string) {
	t.Helper()
	kind := ""
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if m := kindLine.FindStringSubmatch(line); m != nil {
			kind = strings.Replace(m[2], "histogram", "counter", 1)
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		m := seriesLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("/metrics: %q", line)
		}
		labels := map[string]string{"instance": "", "job": "lagermeister"}
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			labels[pair[1]] = pair[2]
		}
		delete(labels, "part")
		e.add(m[1], kind, labels)
	}
}

// alertRule is one of alerts.yml: its expression on one line, and all its text.
type alertRule struct{ name, expr, text string }

// alertRules reads the rules file, as far as we write YAML: an expression stands
// behind expr: or, folded, on the more indented lines below.
func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	file, err := os.ReadFile("../deploy/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	folded := regexp.MustCompile(`(?m)^        expr: (?:>-\n((?:          .*\n)+)|(.*)\n)`)
	for _, text := range strings.Split(string(file), "- alert: ")[1:] {
		name, _, _ := strings.Cut(text, "\n")
		m := folded.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("alert %s has no expr", name)
		}
		rules = append(rules, alertRule{name, strings.Join(strings.Fields(m[1]+m[2]), " "), text})
	}
	if len(rules) < 15 {
		t.Fatalf("alerts.yml has only %d alerts", len(rules))
	}
	return rules
}

// grafanaPanel is what the test reads of a panel.
type grafanaPanel struct {
	Type, Title, Description string
	Targets                  []struct{ Expr, LegendFormat string }
}

// grafanaRange puts what Grafana does in place of its variables; $group stays.
var grafanaRange = strings.NewReplacer("$__rate_interval", "1m")

func grafanaPanels(t *testing.T) []grafanaPanel {
	t.Helper()
	text, err := os.ReadFile("../deploy/grafana/dashboards/lagermeister.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels     []grafanaPanel
		Templating struct {
			List []struct{ Definition string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, v := range d.Templating.List {
		if m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition); m != nil {
			p := grafanaPanel{Type: "variable", Title: m[2], Description: v.Definition}
			p.Targets = append(p.Targets, struct{ Expr, LegendFormat string }{"count by (" + m[2] + ") (" + m[1] + ")", ""})
			d.Panels = append(d.Panels, p)
		}
	}
	return d.Panels
}
