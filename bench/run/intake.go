package main

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/bench/count"
	"lagermeister/bench/load"
	"lagermeister/bench/record"
	"lagermeister/stream"
)

// subject is the one our programs use unless told otherwise, and streamName the
// stream they make for it.
const (
	subject    = "lagermeister-test"
	streamName = subject
)

// intake is a receiver and the broker it stores in, without anything behind.
type intake struct {
	address  string
	url      string // of the broker
	broker   *process
	receiver *process
}

// stop ends both.
func (in *intake) stop() {
	in.receiver.stop()
	in.broker.stop()
}

func (in *intake) parts() []*process { return []*process{in.broker, in.receiver} }

// intake starts a receiver. env is added to its own.
func (l *lab) intake(program, prefix string, sync fsync, env ...string) (in *intake, err error) {
	in = &intake{address: freeAddress()}
	defer func() {
		if err != nil {
			in.stop()
		}
	}()
	if in.broker, in.url, err = l.broker(sync); err != nil {
		return in, err
	}
	in.receiver, err = l.program(program, prefix, append(env, prefix+"_NATS_URL="+in.url, prefix+"_BIND_ADDRESS="+in.address)...)
	return in, err
}

// tcpIntake starts tcp_receiver.
func (l *lab) tcpIntake(sync fsync, env ...string) (*intake, error) {
	return l.intake("tcp_receiver", "TCPRCVR", sync, env...)
}

// received is a counter of the receiver's records.
func (in *intake) received(what string) (float64, error) {
	return in.receiver.metric("lagermeister_receiver_" + what + "_records_total")
}

// fill sends as o says, its template and address set here, until the receiver
// says of as many records as were sent that they are what (stored, filtered).
// What is in the stream is for check.
func (l *lab) fill(in *intake, o load.Load, size int, what string) (s sample, run uint32, err error) {
	l.runs++
	run = l.runs
	if o.Template, err = record.Frame(run, size); err != nil {
		return s, run, err
	}
	o.Address = in.address
	before, err := in.received(what)
	if err != nil {
		return s, run, err
	}
	allocated, err := countAllocations(in.receiver)
	if err != nil {
		return s, run, err
	}
	m, err := l.meter(in.parts())
	if err != nil {
		return s, run, err
	}
	defer m.stop()
	sent, err := load.TCP(l.ctx, o)
	if err != nil {
		return s, run, err
	}
	done, questions, err := in.reached(what, before+float64(sent.Records))
	if err != nil {
		return s, run, err
	}
	seconds := time.Since(sent.Began).Seconds()
	if s, err = m.sample(); err != nil {
		return s, run, err
	}
	n, err := allocated(questions)
	s.Sent, s.Arrived, s.Seconds, s.began = sent.Records, int64(done-before), seconds, sent.Began
	s.set("allocations a record", n/float64(sent.Records))
	if s.Arrived != s.Sent {
		s.Failed = fmt.Sprintf("%d records sent, %d %s", s.Sent, s.Arrived, what)
	}
	return s, run, err
}

// reached asks until a counter has come to n or stands still for as long as patience.
func (in *intake) reached(what string, n float64) (got float64, questions int, err error) {
	before := -1.0
	for since := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		questions++
		if got, err = in.received(what); err != nil {
			return got, questions, err
		}
		if got != before {
			before, since = got, time.Now()
		}
		if got >= n || time.Since(since) > patience {
			return got, questions, nil
		}
	}
}

// countAllocations returns how to tell what a program has allocated from now on.
// What its answers to our questions take is not counted: it would be more than
// all the records take. What one takes is the mean of some asked afterwards, when
// the numbers in it are as long as in those that are left out.
func countAllocations(p *process) (since func(questions int) (float64, error), err error) {
	const name = "go_memstats_mallocs_total"
	var before float64
	for range 2 { // the first one warms up
		if before, err = p.metric(name); err != nil {
			return nil, err
		}
	}
	return func(questions int) (float64, error) {
		now, err := p.metric(name)
		if err != nil {
			return 0, err
		}
		const more = 10
		later := now
		for range more {
			if later, err = p.metric(name); err != nil {
				return 0, err
			}
		}
		each := (later - now) / more
		return max(0, now-before-each*float64(questions+1)), nil
	}, nil
}

// check reads the stream and compares what it holds of a run with what was sent.
// The broker's time of the last of it ends the run's time.
func (l *lab) check(in *intake, s *sample, run uint32) error {
	nc, err := nats.Connect(in.url)
	if err != nil {
		return fmt.Errorf("read back what was stored: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	tally := count.NewTally(run, false)
	var marks []record.Mark
	err = stream.Walk{Stream: streamName}.Do(l.ctx, js, func(msg jetstream.Msg, _ uint64, stored time.Time) error {
		marks = record.Scan(msg.Data(), marks[:0])
		tally.Add(marks, stored)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read back what was stored: %w", err)
	}
	s.arrived(s.Sent, s.began, tally.Count())
	return nil
}
