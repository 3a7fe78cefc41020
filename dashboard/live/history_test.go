package live

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"lagermeister/stats"
)

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) forward(d time.Duration) { c.at = c.at.Add(d) }

const start = 1_800_000_000 // a second at which a bucket of ten begins

func newClock() *clock { return &clock{time.Unix(start, 0)} }

func event(second int64, metric, sender string, value float64, by stats.Aggregate) []byte {
	raw, err := stats.Event{Timestamp: second, MetricType: metric, Sender: sender, SourceIP: "10.0.0.1", Value: value, Aggregate: by}.AppendJSON(nil)
	if err != nil {
		panic(err)
	}
	return raw
}

// answer is what Write says.
type answer struct {
	Now    int64 `json:"now"`
	From   int64 `json:"from"`
	Step   int64 `json:"step_s"`
	Began  int64 `json:"began"`
	Series []struct {
		Type, Sender, IP, Group, Unit, Agg string
		Values                             []*float64
		Threshold                          *stats.Threshold
		Last                               int64
	} `json:"series"`
}

func read(t *testing.T, h *History, window, step int64) (a answer) {
	t.Helper()
	var text strings.Builder
	if err := h.Write(&text, window, step); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text.String()), &a); err != nil {
		t.Fatalf("%v: %s", err, text.String())
	}
	return a
}

// values shows numbers, and nothing as a dash.
func values(list []*float64) string {
	var b strings.Builder
	for _, v := range list {
		if v == nil {
			b.WriteString("- ")
		} else {
			fmt.Fprint(&b, *v, " ")
		}
	}
	return strings.TrimSpace(b.String())
}

func TestASeriesIsKeptForAnHourByTheSecondAndSixHoursByTen(t *testing.T) {
	t.Parallel()
	c := newClock()
	h := NewHistory(c.now)
	for i := range int64(Coarse) {
		c.at = time.Unix(start+i, 0)
		if i%10 != 7 { // one second in ten is missing
			h.Add(event(start+i, stats.Throughput, "a", 2, stats.Total))
		}
	}
	fine := read(t, h, Fine, 1)
	if len(fine.Series) != 1 || len(fine.Series[0].Values) != Fine || fine.From != (c.at.Unix()-Fine+1)*1000 || fine.Began != start*1000 {
		t.Fatalf("%d series, from %d", len(fine.Series), fine.From)
	}
	s := fine.Series[0]
	if got := values(s.Values[Fine-10:]); got != "2 2 2 2 2 2 2 - 2 2" {
		t.Errorf("the last ten seconds are %s", got)
	}
	if s.Type != stats.Throughput || s.Sender != "a" || s.IP != "10.0.0.1" || s.Unit != "records" || s.Agg != "Total" || s.Last != c.at.UnixMilli() {
		t.Errorf("described as %+v", s)
	}
	coarse := read(t, h, Coarse, 10)
	for i, v := range coarse.Series[0].Values {
		if v == nil || *v != 18 {
			t.Fatalf("bucket %d of ten seconds is %s", i, values(coarse.Series[0].Values[i:i+1]))
		}
	}
	c.forward(2 * time.Hour)
	h.Add(event(c.at.Unix(), stats.Throughput, "a", 1, stats.Total))
	if got := values(read(t, h, 5, 1).Series[0].Values); got != "- - - - 1" {
		t.Errorf("after a silence of two hours: %s", got)
	}
	if got := read(t, h, Coarse, 10).Series[0].Values; got[0] == nil || got[len(got)-3] != nil {
		t.Error("ten-second buckets before the silence are gone, or some within it are not")
	}
	c.forward(7 * time.Hour)
	if got := read(t, h, 10, 1); len(got.Series) != 0 {
		t.Errorf("silent for seven hours, it is still shown: %+v", got.Series)
	}
}

func TestWhatTwoReceiversOnOneHostReportOfASecondAddsUp(t *testing.T) {
	t.Parallel()
	for metric, want := range map[string]string{stats.Throughput: "120", stats.Storing: "12", stats.Connections: "12"} { // of ten seconds; gauges as they are at its end
		c := newClock()
		h := NewHistory(c.now)
		for i := range int64(10) {
			c.at = time.Unix(start+i, 0)
			for _, v := range []float64{5, 7} {
				h.Add(event(start+i, metric, "tcp-receiver", v, stats.Last))
			}
		}
		if got := values(read(t, h, 2, 1).Series[0].Values); got != "12 12" {
			t.Errorf("%s by the second: %s, want 12 12", metric, got)
		}
		if got := values(read(t, h, 10, 10).Series[0].Values); got != want {
			t.Errorf("%s by ten: %s, want %s", metric, got, want)
		}
	}
}

func TestWhatOneSecondHoldsIsOneValueAsItsAggregateSays(t *testing.T) {
	t.Parallel()
	for by, want := range map[stats.Aggregate]string{stats.Total: "12 5", stats.Average: "4 5", stats.Max: "7 5", stats.Last: "4 5"} {
		c := newClock()
		c.forward(5 * time.Second)
		h := NewHistory(c.now)
		for _, v := range []float64{1, 7, 4} {
			h.Add(event(start+4, "X", "a", v, by))
		}
		h.Add(event(start+5, "X", "a", 5, by))
		if got := values(read(t, h, 2, 1).Series[0].Values); got != want {
			t.Errorf("%s: %s, want %s", by, got, want)
		}
	}
}

func TestALateSecondIsToldAgainWithAllItHolds(t *testing.T) {
	t.Parallel()
	c := newClock()
	h := NewHistory(c.now)
	h.Add(event(start, stats.Throughput, "a", 10, stats.Total))
	h.Add(event(start, stats.Throughput, "b", 1, stats.Total))
	want := fmt.Sprintf(`[%d,"a","10.0.0.1","Throughput",10,null,null],[%d,"b","10.0.0.1","Throughput",1,null,null]`, start, start)
	if got, n := h.changes(nil); string(got) != want || n != 2 {
		t.Errorf("told %s", got)
	}
	if got, n := h.changes(nil); len(got) != 0 || n != 0 {
		t.Errorf("told again %s", got)
	}
	c.forward(3 * time.Second)
	h.Add(event(start, stats.Throughput, "a", 5, stats.Total))
	h.Add([]byte(fmt.Sprintf(`{"Timestamp":%d,"Value":41.5,"Sender":"out","SourceIP":"","MetricType":"Lag","Threshold":{"Warn":30,"Error":60},"Aggregate":"Max"}`, start+3)))
	want = fmt.Sprintf(`[%d,"a","10.0.0.1","Throughput",15,null,null],[%d,"out","","Lag",41.5,30,60]`, start, start+3)
	if got, _ := h.changes(nil); string(got) != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
}

func TestAnEventOfAWrongClockIsFiledUnderOurs(t *testing.T) {
	t.Parallel()
	c := newClock()
	h := NewHistory(c.now)
	for _, second := range []int64{0, start - 11, start + 4, 1 << 60, -1 << 60} {
		h.Add(event(second, stats.Throughput, "a", 1, stats.Total))
	}
	h.Add(event(start-10, stats.Throughput, "a", 9, stats.Total))
	h.Add(event(start+3, stats.Throughput, "a", 7, stats.Total))
	if got := values(read(t, h, 11, 1).Series[0].Values); got != "9 - - - - - - - - - 5" {
		t.Errorf("got %s", got)
	}
}

func TestSendersOfOneNameAreToldApartByTheirGroup(t *testing.T) {
	c := newClock()
	h := NewHistory(c.now)
	for _, group := range []string{"", "a", "b"} {
		raw, err := stats.Event{Timestamp: start, Value: 1, Sender: "http-output", MetricType: "Retried.503", Aggregate: stats.Total, Group: group}.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		h.Add(raw)
	}
	rows, n := h.changes(nil)
	const row = `[1800000000,"http-output","","Retried.503",1,null,null`
	if want := row + `],` + row + `,"a"],` + row + `,"b"]`; n != 3 || string(rows) != want {
		t.Errorf("%d rows\n%s, want\n%s", n, rows, want)
	}
	var got []string
	for _, s := range read(t, h, 10, 1).Series {
		got = append(got, s.Group+" "+s.Unit)
	}
	if want := " posts, a posts, b posts"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTooManySeriesAreRefusedUntilSomeAreSilent(t *testing.T) {
	t.Parallel()
	c := newClock()
	h := NewHistory(c.now)
	for i := range maxSeries + 3 {
		h.Add(event(start, "X", fmt.Sprint(i), 1, stats.Last))
	}
	if n, refused := h.Size(); n != maxSeries || refused != 3 {
		t.Errorf("%d series, %d refused", n, refused)
	}
	c.forward(forgotten + time.Second)
	h.Add(event(c.at.Unix(), "X", "new", 1, stats.Last))
	if n, refused := h.Size(); n != maxSeries || refused != 3 {
		t.Errorf("after an hour of silence: %d series, %d refused", n, refused)
	}
	for _, junk := range []string{"", "{", `[]`, `{"MetricType":"","Sender":"x"}`, `{"MetricType":"` + strings.Repeat("x", 200) + `"}`, `{"MetricType":"Y","Value":1e999}`} {
		h.Add([]byte(junk))
	}
	if n, _ := h.Size(); n != maxSeries {
		t.Errorf("junk made series: %d", n)
	}
}

func TestAWindowBeyondTheHistoryIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		window, step, want int64
		bad                bool
	}{
		{900, 0, 1, false}, {3600, 0, 1, false}, {3601, 0, 10, false}, {21600, 10, 10, false}, {60, 10, 10, false},
		{3601, 1, 0, true}, {21601, 0, 0, true}, {0, 0, 0, true}, {5, 10, 0, true}, {60, 7, 0, true},
	} {
		step, err := CheckWindow(c.window, c.step)
		if step != c.want || (err != nil) != c.bad {
			t.Errorf("window %d, step %d: %d, %v", c.window, c.step, step, err)
		}
	}
}
