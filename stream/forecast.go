package stream

import (
	"math"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	forecastOver  = time.Minute      // what is looked back on
	forecastLeast = 10 * time.Second // before that nothing is said
)

// NeverFull is the forecast of a stream that does not fill up.
const NeverFull = time.Duration(math.MaxInt64)

// Seconds is left as the metric and JSON have it: +Inf for NeverFull.
func Seconds(left time.Duration) float64 {
	if left == NeverFull {
		return math.Inf(1)
	}
	return left.Seconds()
}

// Forecast tells when a stream will be full of what is not settled, from how
// that has grown over the last minute. The zero value is ready for use.
type Forecast struct {
	samples []sample
}

// sample is how much was not settled at one time.
type sample struct {
	at   time.Time
	held float64 // bytes
}

// Observe notes the state of the stream and returns how long it takes, at the
// present rate, until intake is refused or, with discard old, until the first
// loss: 0 when it has come to that, NeverFull when it will not. holder is the
// group that has settled least, empty without any group. groups are Floors of
// the same stream; it is asked once a second or so.
func (f *Forecast) Observe(now time.Time, info *jetstream.StreamInfo, groups []Floor) (left time.Duration, holder string) {
	held := float64(info.State.Bytes) // without a group all is kept
	if len(groups) > 0 {
		holder = groups[0].Group
		held = heldBytes(info.State, groups[0])
	}
	f.samples = append(f.samples, sample{now, held})
	for now.Sub(f.samples[0].at) > forecastOver {
		f.samples = f.samples[1:]
	}
	most := float64(info.Config.MaxBytes)
	switch rate := f.rate(); {
	case most <= 0:
		return NeverFull, holder
	case held >= most/100*fullAt:
		return 0, holder
	case rate <= 0 || now.Sub(f.samples[0].at) < forecastLeast:
		return NeverFull, holder
	default:
		if seconds := (most - held) / rate; seconds < NeverFull.Seconds() {
			return time.Duration(seconds * float64(time.Second)), holder
		}
		return NeverFull, holder
	}
}

// rate is the growth in bytes a second: the slope of the line that fits the
// samples best, so that one of them alone changes little.
func (f *Forecast) rate() float64 {
	var n, meanT, meanHeld float64
	for _, s := range f.samples {
		n++
		meanT += (s.at.Sub(f.samples[0].at).Seconds() - meanT) / n
		meanHeld += (s.held - meanHeld) / n
	}
	var above, below float64
	for _, s := range f.samples {
		t := s.at.Sub(f.samples[0].at).Seconds() - meanT
		above += t * (s.held - meanHeld)
		below += t * t
	}
	if below == 0 {
		return 0
	}
	return above / below
}

// heldBytes is the size of what a group has not settled, by the mean of all messages.
func heldBytes(state jetstream.StreamState, g Floor) float64 {
	if state.Msgs == 0 {
		return 0
	}
	return float64(state.Bytes) / float64(state.Msgs) * float64(min(held(state, g), state.Msgs))
}
