package stats

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachSenderSaysSinceWhenItRunsEveryTenSecondsAndWhenItStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &wire{}
		r := NewReporter(out, "stats", "web-1", silence{})
		r.Process(Process{Started: time.UnixMilli(1_795_184_403_250), Version: "v0.4.0"})
		r.Introduce(Event{Sender: TCPReceiver}, func(e *Event) { e.Totals = &Totals{Received: 7, Stored: 7} })
		r.Introduce(Event{Sender: ESOutput, Group: "billing"}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		said := []string{"tcp-receiver Started 1.79518440325e+09 ", "es-output Started 1.79518440325e+09 "}
		for i := range 25 {
			var want []string
			if i%10 == 0 {
				want = said
			}
			if got := second(t, out); !slices.Equal(got, want) {
				t.Errorf("second %d: told %q, want %q", i, got, want)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		var last []string
		for _, line := range out.take() {
			e, err := ParseEvent([]byte(line[len("stats "):]))
			if err != nil {
				t.Fatal(err)
			}
			last = append(last, fmt.Sprint(e.MetricType, " ", e.Sender, " ", e.SourceIP, " ", e.Group, " ", e.Version, " ", e.Totals))
		}
		if want := []string{"Stopped tcp-receiver web-1  v0.4.0 &{7 7 0 0 0}", "Stopped es-output web-1 billing v0.4.0 <nil>"}; !slices.Equal(last, want) {
			t.Errorf("its last words are %q, want %q", last, want)
		}
	})
}

func TestAReporterThatKnowsNoProcessIntroducesNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &wire{}
		r := NewReporter(out, "stats", "web-1", silence{})
		r.Introduce(Event{Sender: TCPReceiver}, nil)
		(*Reporter)(nil).Introduce(Event{Sender: TCPReceiver}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		got := second(t, out)
		cancel()
		if err := <-done; err != nil || len(got)+len(out.take()) > 0 {
			t.Errorf("told %q, %v", got, err)
		}
	})
}
