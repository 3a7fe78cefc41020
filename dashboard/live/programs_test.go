package live

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lagermeister/stats"
)

// say has a process of a sender say, by its own clock, that it has started so many
// seconds after start, or stopped.
func (p *programs) say(metric, sender string, started float64, version string) {
	p.hear(&stats.Event{Timestamp: p.now().Unix(), MetricType: metric, Sender: sender, Value: start + started, Version: version})
}

// told is the list in short: sender, version, started and until in seconds after start.
func (p *programs) told() string {
	var b strings.Builder
	for _, one := range p.list() {
		fmt.Fprintf(&b, "%s %s %v %s", one.Sender, one.Version, float64(one.Started-start*1000)/1000, one.State)
		if one.Until != 0 {
			fmt.Fprintf(&b, " %v", float64(one.Until-start*1000)/1000)
		}
		b.WriteString("; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestARestartIsAnotherProcessAndTheOneBeforeFallsSilent(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := newPrograms(c.now)
	check := func(when, want string) {
		t.Helper()
		if got := p.told(); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	p.say(stats.Started, "tcp", 0, "a")
	c.forward(10 * time.Second)
	p.say(stats.Started, "tcp", 0, "a")
	check("while it runs", "tcp a 0 running")
	c.forward(11 * time.Second)
	p.say(stats.Started, "tcp", 20.5, "b")
	check("just after", "tcp a 0 running; tcp b 20.5 running")
	c.forward(2 * time.Second)
	check("when its next word is missed", "tcp a 0 silent 10; tcp b 20.5 running")
	c.forward(8 * time.Second)
	p.say(stats.Stopped, "tcp", 20.5, "b")
	c.forward(time.Minute)
	check("when it said that it stopped", "tcp a 0 silent 10; tcp b 20.5 stopped 31")
	c.forward(time.Hour - time.Minute)
	check("an hour after its last word", "")
}

func TestTwoProcessesOfOneNameAreBothShownWhileBothAreHeard(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := newPrograms(c.now)
	for range 6 {
		p.say(stats.Started, "tcp", -300, "a")
		p.say(stats.Started, "tcp", -299.999, "a")
		c.forward(10 * time.Second)
		if got := p.told(); got != "tcp a -300 running; tcp a -299.999 running" {
			t.Fatalf("%q", got)
		}
	}
	c.forward(15 * time.Second)
	if got := p.told(); got != "tcp a -300 running; tcp a -299.999 running" {
		t.Errorf("25 s after their last words: %q", got)
	}
	c.forward(time.Second)
	if got := p.told(); got != "tcp a -300 silent 50; tcp a -299.999 silent 50" {
		t.Errorf("26 s after: %q", got)
	}
	p.say(stats.Started, "tcp", -300, "a")
	if got := p.told(); got != "tcp a -300 running; tcp a -299.999 silent 50" {
		t.Errorf("one is heard again: %q", got)
	}
}

func TestTheNewestTotalsOfAReceiverAreTold(t *testing.T) {
	t.Parallel()
	p := newPrograms(newClock().now)
	for n := range uint64(3) {
		p.hear(&stats.Event{Timestamp: start, MetricType: stats.Started, Sender: "tcp", Value: start, Totals: &stats.Totals{Received: 10 + n, Stored: 4, Filtered: 3, Rejected: 2, InFlight: 1 + n}})
	}
	if text := string(p.json()); !strings.Contains(text, `"totals":{"received":12,"stored":4,"filtered":3,"rejected":2,"in_flight":3}`) {
		t.Error(text)
	}
}

func TestGroupsAndAddressesAreProgramsOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := newPrograms(newClock().now)
	for _, e := range []stats.Event{{}, {Group: "billing"}, {SourceIP: "10.0.0.1"}} {
		e.Timestamp, e.Value, e.Sender, e.MetricType = start, start, stats.ESOutput, stats.Started
		p.hear(&e)
	}
	if n := len(p.list()); n != 3 {
		t.Errorf("%d programs", n)
	}
}

func TestAWrongClockDoesNotChangeHowLongAProgramRuns(t *testing.T) {
	t.Parallel()
	for _, wrong := range []int64{-86400, -11, 4, 3600} {
		p := newPrograms(newClock().now)
		p.hear(&stats.Event{Timestamp: start + wrong, MetricType: stats.Started, Sender: "tcp", Value: float64(start + wrong - 60)})
		if got := p.told(); got != "tcp  -60 running" {
			t.Errorf("clock off by %d s: %q", wrong, got)
		}
	}
}

func TestTheNewestFailureOfAnOutputIsKeptByOurClock(t *testing.T) {
	t.Parallel()
	p := newPrograms(newClock().now)
	for _, c := range []struct {
		said *stats.Failure
		want string
	}{
		{&stats.Failure{At: (start + 3600 - 5) * 1000, Text: "connection refused"}, `"failure":{"at":` + fmt.Sprint((start-5)*1000) + `,"text":"connection refused"}`},
		{&stats.Failure{At: 1 << 60, Text: "of the future"}, `"failure":{"at":` + fmt.Sprint(start*1000) + `,"text":"of the future"}`},
		{&stats.Failure{Text: strings.Repeat("x", stats.MaxFailure+1)}, ""},
		{nil, ""},
	} {
		p.hear(&stats.Event{Timestamp: start + 3600, MetricType: stats.Started, Sender: stats.ESOutput, Value: start + 3600 - 60, Failure: c.said})
		if got := string(p.json()); !strings.Contains(got, c.want) || c.want == "" && strings.Contains(got, "failure") {
			t.Errorf("%+v: %s", c.said, got)
		}
	}
}

func TestOfTooManyProgramsTheOneSilentForLongestMakesRoom(t *testing.T) {
	t.Parallel()
	c := newClock()
	p := newPrograms(c.now)
	for i := range maxPrograms + 3 {
		c.forward(time.Second)
		p.say(stats.Started, fmt.Sprintf("s-%03d", i), -1, "")
		p.say(stats.Started, "kept", -1, "")
	}
	list := p.list()
	if len(list) != maxPrograms || list[0].Sender != "kept" || list[1].Sender != "s-004" {
		t.Errorf("%d are known: %s and %s first", len(list), list[0].Sender, list[1].Sender)
	}
	if n, evicted := p.size(); n != maxPrograms || evicted != 4 {
		t.Errorf("%d are counted, and %d that made room", n, evicted)
	}
	for _, e := range []stats.Event{{Value: 0}, {Value: -5}, {Value: 1e300}, {Value: start, Version: strings.Repeat("v", maxName+1)}} {
		e.Timestamp, e.Sender, e.MetricType = start, "nonsense", stats.Started
		p.hear(&e)
	}
	for _, one := range p.list() {
		if one.Sender == "nonsense" {
			t.Errorf("took %+v", one)
		}
	}
}

func TestWhatProgramsSayOfThemselvesIsNoSeriesAndIsToldOnceForEachChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := running(t, Sources{})
		c := h.Join("", "viewer")
		defer c.Leave()
		c.Handle([]byte(`{"t":"sub","topics":["m","programs"]}`))
		begun := float64(time.Now().Unix())
		word := func() {
			raw, err := stats.Event{Timestamp: time.Now().Unix(), MetricType: stats.Started, Sender: stats.TCPReceiver, Value: begun, Version: "v1"}.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			h.Add(raw)
		}
		word()
		var got []string
		for i := range 60 {
			if i%10 == 0 && i <= 20 {
				word()
			}
			for _, m := range next(t, c) {
				if m.T == "m" {
					t.Errorf("a point of it was told: %v", m.D)
				}
				if m.T == "programs" && len(m.Programs) == 1 {
					got = append(got, m.Programs[0].State)
				}
			}
		}
		if fmt.Sprint(got) != "[running silent]" {
			t.Errorf("told %v", got)
		}
		if n, _ := h.Size(); n != 0 {
			t.Errorf("%d series", n)
		}
		var answer struct{ Programs []process }
		if err := json.Unmarshal(h.Programs(), &answer); err != nil || len(answer.Programs) != 1 || answer.Programs[0].Version != "v1" {
			t.Errorf("%v: %+v", err, answer)
		}
	})
}
