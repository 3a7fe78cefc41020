package main

import (
	"lagermeister/bench/record"
)

// forwarder is a system under test, from a TCP port to the sink.
type forwarder struct {
	address string
	syslog  bool       // takes lines, not Heka frames
	parts   []*process // all that its CPU time is counted of

	receiver *process // of ours
}

// stop ends all parts. A nil forwarder has stopped.
func (f *forwarder) stop() {
	if f == nil {
		return
	}
	for _, p := range f.parts {
		p.stop()
	}
}

// template is a record of the size, as the forwarder takes it.
func (f *forwarder) template(run uint32, size int) (*record.Template, error) {
	if f.syslog {
		return record.Line(run, size)
	}
	return record.Frame(run, size)
}

// suite starts the broker, tcp_receiver and es_subscriber. env is added to what
// both programs get.
func suite(l *lab, sync fsync, env ...string) (f *forwarder, err error) {
	f = &forwarder{address: freeAddress()}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	broker, url, err := l.broker(sync)
	f.parts = append(f.parts, broker)
	if err != nil {
		return f, err
	}
	receiver, err := l.program("tcp_receiver", "TCPRCVR", append(env, "TCPRCVR_NATS_URL="+url, "TCPRCVR_BIND_ADDRESS="+f.address)...)
	f.parts, f.receiver = append(f.parts, receiver), receiver
	if err != nil {
		return f, err
	}
	subscriber, err := l.program("es_subscriber", "ESSUB", append(env, "ESSUB_NATS_URL="+url,
		"ESSUB_REMOTE_URL=http://"+l.sink.Addr(), "ESSUB_INDEX_TEMPLATE=false")...)
	f.parts = append(f.parts, subscriber)
	return f, err
}
