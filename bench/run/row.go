package main

import (
	"math"
	"time"
)

// row is something that is measured, and what it is to reach.
type row struct {
	name    string
	title   string
	systems []system // measured in turn, repetition by repetition
	goals   []goal
}

// system is measured once in each repetition, and knows what was measured in it before.
type system struct {
	name    string
	measure func(*lab, round) (sample, error)
}

// goal is a figure of a repetition and its limit.
type goal struct {
	what    string
	of      func(round) float64
	atLeast float64 // one of the two is set
	atMost  float64
}

// round is one repetition: a sample of each system.
type round map[string]sample

// sample is what a system did in one run.
type sample struct {
	Row     string    `json:"row"`
	System  string    `json:"system"`
	Commit  string    `json:"commit"`
	Time    time.Time `json:"time"`
	Load    float64   `json:"load"` // the machine's load average before it
	Missing string    `json:"missing,omitempty"`
	Failed  string    `json:"failed,omitempty"`

	Sent    int64   `json:"sent,omitempty"`    // records
	Arrived int64   `json:"arrived,omitempty"` // unique ones
	Doubled int64   `json:"doubled,omitempty"`
	Damaged int64   `json:"damaged,omitempty"`
	Seconds float64 `json:"seconds,omitempty"` // from the first byte sent to the last record arrived

	began time.Time // when the first byte was sent

	CPU    map[string]float64 `json:"cpu_s,omitempty"`      // by process, seconds
	Memory map[string]memory  `json:"memory_mib,omitempty"` // by process, at the end
	Own    float64            `json:"own_cpu_s,omitempty"`  // of generator and sink, seconds
	Others float64            `json:"others_cpu,omitempty"` // CPUs that neither the system nor we used
	Values map[string]float64 `json:"values,omitempty"`     // what else the row measures
}

// rate is records a second.
func (s sample) rate() float64 { return float64(s.Arrived) / s.Seconds }

// cpuPerMillion is the CPU time of all processes of the system for a million records, seconds.
func (s sample) cpuPerMillion() float64 {
	sum := 0.0
	for _, seconds := range s.CPU {
		sum += seconds
	}
	return sum / float64(s.Arrived) * 1e6
}

// cpuOf is the same of one process.
func (s sample) cpuOf(process string) float64 { return s.CPU[process] / float64(s.Arrived) * 1e6 }

// value is another figure of the sample, and no number when it has none of the name.
func (s sample) value(name string) float64 {
	if v, ok := s.Values[name]; ok {
		return v
	}
	return math.NaN()
}

// set keeps another figure.
func (s *sample) set(name string, v float64) {
	if s.Values == nil {
		s.Values = map[string]float64{}
	}
	s.Values[name] = v
}

// rateOf is a system's rate.
func rateOf(system string) func(round) float64 {
	return func(r round) float64 { return r[system].rate() }
}

// valueOf is another figure of a system.
func valueOf(system, name string) func(round) float64 {
	return func(r round) float64 { return r[system].value(name) }
}

// rateOver compares the rates of two systems.
func rateOver(system, reference string) func(round) float64 {
	return func(r round) float64 { return r[system].rate() / r[reference].rate() }
}

// cpuOver compares their CPU time for a record.
func cpuOver(system, reference string) func(round) float64 {
	return func(r round) float64 { return r[system].cpuPerMillion() / r[reference].cpuPerMillion() }
}
