package stats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestEventIsOnTheWireAsTheOriginalWroteIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event Event
		want  string
	}{
		{Event{Timestamp: 1, Value: 2.5, Sender: TCPReceiver, MetricType: Throughput},
			`{"Timestamp":1,"Value":2.5,"Sender":"tcp-receiver","SourceIP":"","MetricType":"Throughput","Threshold":null,"Aggregate":""}`},
		{Event{Timestamp: 1495000000, Value: 12, Sender: HTTPOutput, SourceIP: "10.0.0.1", MetricType: Lag, Threshold: LagThreshold, Aggregate: Max},
			`{"Timestamp":1495000000,"Value":12,"Sender":"http-output","SourceIP":"10.0.0.1","MetricType":"Lag","Threshold":{"Warn":30,"Error":60},"Aggregate":"Max"}`},
		// What came later stands behind all that the original has.
		{Event{Timestamp: 1, Value: 2.5, Sender: HTTPOutput, MetricType: Throughput, Aggregate: Total, Group: "billing"},
			`{"Timestamp":1,"Value":2.5,"Sender":"http-output","SourceIP":"","MetricType":"Throughput","Threshold":null,"Aggregate":"Total","Group":"billing"}`},
		{Event{Timestamp: 9, Value: 2.125, Sender: HTTPOutput, MetricType: Started, Group: "billing", Version: "v0.4.0"},
			`{"Timestamp":9,"Value":2.125,"Sender":"http-output","SourceIP":"","MetricType":"Started","Threshold":null,"Aggregate":"","Group":"billing","Version":"v0.4.0"}`},
		{Event{Timestamp: 9, Value: 2, Sender: TCPReceiver, MetricType: Stopped, Totals: &Totals{Received: 10, Stored: 4, Filtered: 3, Rejected: 2, InFlight: 1}},
			`{"Timestamp":9,"Value":2,"Sender":"tcp-receiver","SourceIP":"","MetricType":"Stopped","Threshold":null,"Aggregate":"",` +
				`"Totals":{"Received":10,"Stored":4,"Filtered":3,"Rejected":2,"InFlight":1}}`},
	} {
		got, err := c.event.AppendJSON([]byte("x"))
		if err != nil || string(got) != "x"+c.want {
			t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
		}
		back, err := ParseEvent(got[1:])
		if err != nil || fmt.Sprint(back.Threshold) != fmt.Sprint(c.event.Threshold) || back.Value != c.event.Value || back.Group != c.event.Group || back.Version != c.event.Version {
			t.Errorf("read back as %+v, %v", back, err)
		}
	}
	if _, err := (Event{Value: math.NaN()}).AppendJSON(nil); err == nil {
		t.Error("NaN was written")
	}
	for _, text := range []string{`{"Value":1}`, `{"Threshold":null,"SourceIP":null,"Unknown":[1]}`} {
		if _, err := ParseEvent([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestEachGroupOfASenderIsFoldedByItself(t *testing.T) {
	t.Parallel()
	a := newAggregate()
	for _, group := range []string{"", "billing", "", "billing", "billing"} {
		a.add(Event{Value: 1, MetricType: Throughput, Sender: HTTPOutput, Group: group, Aggregate: Total})
	}
	var got []string
	a.flush(func(e Event) { got = append(got, fmt.Sprint(e.Group, " ", e.Value)) })
	if want := []string{" 2", "billing 3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEachSenderOfAMetricIsFoldedByItself(t *testing.T) {
	t.Parallel()
	a := newAggregate()
	for i, v := range []float64{3, 9, 6} {
		ts := int64(100 + i)
		a.add(Event{Timestamp: ts, Value: v, MetricType: Lag, Sender: "a", Aggregate: Max})
		a.add(Event{Timestamp: ts, Value: v, MetricType: Throughput, Sender: "a", Aggregate: Total})
		a.add(Event{Timestamp: ts, Value: v * 10, MetricType: Throughput, Sender: "b", Aggregate: Total})
		a.add(Event{Timestamp: ts, Value: v, MetricType: BatchSize, Sender: "a", Aggregate: Average})
		a.add(Event{Timestamp: ts, Value: v, MetricType: Throughput, Sender: "c"})
	}
	var got []string
	take := func(e Event) {
		got = append(got, fmt.Sprint(e.MetricType, " ", e.Sender, " ", e.Value, " ", e.Timestamp))
	}
	a.flush(take)
	want := []string{"Lag a 9 102", "Throughput a 18 102", "Throughput b 180 102", "BatchSize a 6 102", "Throughput c 6 102"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	got = nil
	a.flush(take)
	a.add(Event{Value: 1, MetricType: Throughput, Sender: "a", Aggregate: Total})
	a.flush(take)
	if len(got) != 1 || got[0] != "Throughput a 1 0" {
		t.Errorf("the next second starts with %q", got)
	}
}

// wire collects what is sent.
type wire struct {
	mu   sync.Mutex
	sent []string
	err  error
}

func (w *wire) Publish(subject string, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.sent = append(w.sent, subject+" "+string(data))
	}
	return w.err
}

func (w *wire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

type silence struct{}

func (silence) Warnf(string, ...any)  {}
func (silence) Debugf(string, ...any) {}

func TestReporterSendsOneEventASecondAndSeries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &wire{}
		r := NewReporter(out, "stats", "web-1", silence{})
		r.Sample(func(now time.Time) []Event { return []Event{{Value: 7, MetricType: Throughput, Sender: "s"}} })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		for range 10 {
			r.Report(Event{Value: 2, MetricType: BatchCount, Sender: "s", Aggregate: Total})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		now := time.Now().Unix()
		want := []string{
			fmt.Sprintf(`stats {"Timestamp":%d,"Value":20,"Sender":"s","SourceIP":"web-1","MetricType":"BatchCount","Threshold":null,"Aggregate":"Total"}`, now-1),
			fmt.Sprintf(`stats {"Timestamp":%d,"Value":7,"Sender":"s","SourceIP":"web-1","MetricType":"Throughput","Threshold":null,"Aggregate":""}`, now),
		}
		if got := out.take(); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		r.Report(Event{Value: 1, MetricType: BatchCount, Sender: "s"})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := out.take(); len(got) != 2 {
			t.Errorf("at the end %q were sent", got)
		}
	})
}

func TestReporterDropsRatherThanBlock(t *testing.T) {
	t.Parallel()
	r := NewReporter(&wire{}, "stats", "web-1", silence{})
	for range queueLength + 5 {
		r.Report(Event{})
	}
	if dropped, _ := r.Dropped(); dropped != 5 {
		t.Errorf("%d events dropped, want 5", dropped)
	}
	refusing := &wire{err: errors.New("no connection")}
	r = NewReporter(refusing, "stats", "web-1", silence{})
	r.Report(Event{Value: math.Inf(1), Sender: "a"})
	r.Report(Event{Sender: "b"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
	if _, unsent := r.Dropped(); unsent != 2 {
		t.Errorf("%d events refused, want 2", unsent)
	}
}

func TestNilReporterTellsNobody(t *testing.T) {
	t.Parallel()
	var r *Reporter
	r.Report(Event{})
	r.Sample(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
}

func publish(h *Hub, n int) {
	h.Publish(fmt.Appendf(nil, `{"Timestamp":%d,"Sender":"s%d","MetricType":"Throughput"}`, n, n%2))
}

func TestHubShowsANewViewerTheLastEventsThenEachOne(t *testing.T) {
	t.Parallel()
	h := NewHub()
	for n := range Recent + 20 {
		publish(h, n)
	}
	v := h.Subscribe()
	defer v.Close()
	publish(h, 9999)
	for i := range Recent + 1 {
		want := int64(20 + i)
		if i == Recent {
			want = 9999
		}
		if e, err := ParseEvent(<-v.Events()); err != nil || e.Timestamp != want {
			t.Fatalf("event %d is %+v, %v, want %d", i, e, err, want)
		}
	}
	if got := fmt.Sprint(h.Known()); got != "map[Throughput:map[s0:true s1:true]]" {
		t.Errorf("known: %s", got)
	}
}

func TestSlowViewerIsCutOffAndTheOthersAreNot(t *testing.T) {
	t.Parallel()
	h := NewHub()
	slow, quick := h.Subscribe(), h.Subscribe()
	for n := range 3 * viewerQueue {
		publish(h, n)
		if e, _ := ParseEvent(<-quick.Events()); e.Timestamp != int64(n) {
			t.Fatalf("event %d is %d", n, e.Timestamp)
		}
	}
	got := 0
	for range slow.Events() {
		got++
	}
	if got != viewerQueue {
		t.Errorf("the slow one got %d events, want %d", got, viewerQueue)
	}
	if open, cut := h.Viewers(); open != 1 || cut != 1 {
		t.Errorf("%d open, %d cut off", open, cut)
	}
	slow.Close() // harmless
	h.Close()
	publish(h, 1)
	if _, ok := <-quick.Events(); ok {
		t.Error("an event after Close")
	}
	late := h.Subscribe()
	for range late.Events() {
	}
}

func TestHubIsBoundedWhateverComes(t *testing.T) {
	t.Parallel()
	h := NewHub()
	for n := range maxSeries + 100 {
		h.Publish(fmt.Appendf(nil, `{"Sender":"%d","MetricType":"m%d"}`, n, n%3))
	}
	h.Publish(fmt.Appendf(nil, `{"Sender":"%0200d","MetricType":"m"}`, 1))
	h.Publish([]byte("no JSON"))
	h.Publish(make([]byte, maxEvent+1))
	h.Publish([]byte("no text: \xff"))
	known := 0
	for _, senders := range h.Known() {
		known += len(senders)
	}
	if known != maxSeries {
		t.Errorf("%d series known, want %d", known, maxSeries)
	}
	v := h.Subscribe()
	defer v.Close()
	var last []byte
	for range Recent {
		last = <-v.Events()
	}
	if string(last) != "no JSON" {
		t.Errorf("last event is %.20q", last)
	}
}

func TestHubTakesManyAtOnce(t *testing.T) {
	t.Parallel()
	h := NewHub()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := range 500 {
				publish(h, n)
				h.Known()
			}
		})
		all.Go(func() {
			for range 20 {
				v := h.Subscribe()
				select {
				case <-v.Events():
				default:
				}
				v.Close()
			}
		})
	}
	all.Wait()
	if open, _ := h.Viewers(); open != 0 {
		t.Errorf("%d viewers left", open)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"Timestamp":1,"Value":2.5,"Sender":"tcp-receiver","SourceIP":"","MetricType":"Throughput","Threshold":{"Warn":1},"Aggregate":""}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseEvent(data)
		if err != nil {
			return
		}
		wire, err := e.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseEvent(wire); err != nil || again.Value != e.Value || again.MetricType != e.MetricType {
			t.Fatalf("%+v came back as %+v, %v", e, again, err)
		}
	})
}

func BenchmarkHubPublish(b *testing.B) {
	h := NewHub()
	event := []byte(`{"Timestamp":1,"Value":2.5,"Sender":"tcp-receiver","SourceIP":"","MetricType":"Throughput","Threshold":null,"Aggregate":""}`)
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(event)
	}
}
