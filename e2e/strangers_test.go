package e2e

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/stats"
	"lagermeister/stream"
	"lagermeister/stream/streamtest"
)

// rubbish is what somebody with a NATS connection may publish anywhere.
func rubbish() [][]byte {
	deep := strings.Repeat("[", 100_000)
	return [][]byte{
		nil, []byte("\x1e"), []byte("\x1e\xff\x1f"), []byte("\x1e\x02\x08\x05\x1fab"), bytes.Repeat([]byte{0x1e}, 50_000),
		[]byte("{}"), []byte("null"), []byte(`{"blocks":[[1,2]]}`), []byte(deep), []byte(`{"blocks":` + deep), []byte("\xff\xfe\xfd"),
		[]byte(`{"blocks":[[18446744073709551615,18446744073709551615,18446744073709551615,1,1,1,1]],"moved":["1.1","x","-1.-1","99999999999999999999.0"]}`),
		[]byte(`{"blocks":[[9223372036854775807,1,1,0,0,0,0],[0,5,5,0,0,0,0]],"moved":["1.0","1.0","2.0"]}`),
		[]byte(`{"Sender":"` + strings.Repeat("x", 500_000) + `","MetricType":"Throughput","Value":1e308}`),
		bytes.Repeat([]byte("x"), 900_001), // an even number of them is a message: of unknown fields
	}
}

// hostile are headers that no publisher of ours writes. Line ends and invalid
// names are left out: NATS takes none.
func hostile() []nats.Header {
	values := []string{"", "-1", "0", "9223372036854775807", "99999999999999999999", "1e9", "\x1b[31m", "\xff\xfe", strings.Repeat("9", 3000), "lm.dead.>", "*", "a b"}
	var list []nats.Header
	for _, v := range values {
		h := nats.Header{}
		for _, name := range []string{stream.HeaderRecords, stream.HeaderCut, stream.HeaderOrigin, stream.HeaderIndex, stream.HeaderDead, stream.HeaderEpoch,
			stream.HeaderAttempts, stream.HeaderFirst, stream.HeaderLast, stream.HeaderStatus, stream.HeaderErrorType, stream.HeaderReason, stream.HeaderID, stream.HeaderGroup} {
			h[name] = []string{v}
		}
		list = append(list, h)
	}
	return list
}

// Who may publish to NATS may write rubbish into every stream there is. Dead
// letters come of it, and nothing else: no crash, no stop, and what
// others send arrives.
func TestRubbishInEveryStreamStopsNothing(t *testing.T) {
	t.Parallel()
	r := start(t)
	nc, err := nats.Connect(r.NATS, nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	const group = "es_subscriber"
	r.send(t, frame(0, 300), 1000)
	r.documents(t, 1)

	subjects := []string{
		subject,
		stream.LedgerSubject(streamName, group), stream.LedgerSubject("no", "such"), "lm.ledger.x",
		stream.ReplaySubject(streamName, group), "lm.replay.x.y.z",
		stream.DeadSubject(streamName, group, 1, 2, 3), "lm.dead." + streamName + ".x", "lm.dead." + streamName + "." + group + ".-1.x.99999999999999999999",
		"$KV." + stream.StateBucket + ".ledger.no.such", "$KV." + stream.StateBucket + ".rubbish",
		stats.DefaultSubject,
	}
	sent := 0
	for _, to := range subjects {
		for i, body := range rubbish() {
			for _, h := range append(hostile(), nil)[i%3:] {
				if len(body) > 100_000 && len(h) > 0 {
					continue
				}
				if err := nc.PublishMsg(&nats.Msg{Subject: to, Header: h, Data: body}); err != nil {
					t.Fatal(err)
				}
				sent++
			}
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d messages of rubbish", sent)

	const good = 200
	var frames []byte
	for n := 1; n < good; n++ {
		frames = append(frames, frame(n, 300)...)
	}
	r.send(t, frames, 1460)
	for n := good; n < good+20; n++ {
		if status := r.post(t, http.DefaultClient, frame(n, 300)); status != http.StatusOK {
			t.Errorf("HTTP answers %d", status)
		}
	}
	r.documents(t, good+20)
	eventually(t, "everything is settled", func() bool { return r.floor(t) == r.state(t).LastSeq })
	for _, path := range []string{"/", "/config", "/api/v2/status", "/api/v2/search", "/api/v2/ledger", "/api/v2/dead"} {
		resp, err := http.Get("http://" + r.Dashboard.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode >= 500 {
			t.Errorf("%s: %d %.300s", path, resp.StatusCode, body)
		}
		if bytes.IndexByte(body, 0x1b) >= 0 {
			t.Errorf("%s holds an escape: %.300q", path, body)
		}
	}
	replays, err := r.js.Stream(streamtest.Context(t), stream.Replay)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "no replay of the group is left", func() bool {
		info, err := replays.Info(streamtest.Context(t), jetstream.WithSubjectFilter(stream.ReplaySubject(streamName, group)))
		return err == nil && info.State.Subjects[stream.ReplaySubject(streamName, group)] == 0
	})
	for _, reason := range r.program.NotReady() {
		t.Errorf("not ready: %s", reason)
	}
	if d := r.metric(t, "lagermeister_ledger_unaccounted_records"); d != 0 {
		t.Errorf("the ledger has a difference of %v", d)
	}
}
