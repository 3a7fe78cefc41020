package e2e

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"lagermeister/heka"
	"lagermeister/heka/encode"
	"lagermeister/internal/pipeline"
	"lagermeister/publisher"
	"lagermeister/sink/sinktest"
)

func TestStreamsGiveTheSameDocumentsHoweverTheyAreCut(t *testing.T) {
	t.Parallel()
	streams, want := vectorStreams(t)
	for _, piece := range []int{1, 7, 1460, 65536} {
		t.Run(fmt.Sprintf("pieces of %d bytes", piece), func(t *testing.T) {
			t.Parallel()
			r := start(t)
			for _, b := range streams {
				r.send(t, b, piece)
			}
			var got []string
			for _, doc := range r.documents(t, len(want)) {
				got = append(got, withoutPlace(doc))
			}
			slices.Sort(got)
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || got[i] != want[i] {
					t.Fatalf("documents differ at %d of %d:\n%.500s\nwant\n%.500s", i, len(want), got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
				}
			}
		})
	}
}

// vectorStreams are the streams of heka's vectors, and the documents of all
// records in them, sorted, without what depends on their place.
func vectorStreams(t *testing.T) (streams [][]byte, documents []string) {
	t.Helper()
	paths, err := filepath.Glob("../heka/testdata/streams/*.bin")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no streams: %v", err)
	}
	encoder, err := encode.New("ecs", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	known := map[[32]byte]bool{} // bodies with a uuid: the same again is the same record
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, b)
		reader := heka.NewReader(bytes.NewReader(b), heka.DefaultMaxMessage)
		for {
			f, err := reader.Next()
			if err != nil {
				break
			}
			var m heka.Message
			if m.Parse(f.Body) != nil || m.Validate() != nil {
				continue
			}
			if sum := sha256.Sum256(f.Body); len(m.UUID) == 16 {
				if known[sum] {
					continue
				}
				known[sum] = true
			}
			now := time.Now()
			_, skew := encode.EventDate(&m, now)
			doc := encoder.Append(nil, &encode.Record{Message: &m, Sequence: 1, ClockSkew: skew, Cut: now})
			documents = append(documents, withoutPlace(string(doc)))
		}
	}
	slices.Sort(documents)
	return streams, documents
}

var (
	position  = regexp.MustCompile(`"lm\.position":"\d+\.\d+"`)
	timestamp = regexp.MustCompile(`"@timestamp":"([^"]+)"`)
)

// withoutPlace removes from a document its position and the time of its block,
// which stands in for a missing timestamp.
func withoutPlace(doc string) string {
	doc = position.ReplaceAllString(doc, `"lm.position":""`)
	return timestamp.ReplaceAllStringFunc(doc, func(s string) string {
		at, err := time.Parse(time.RFC3339, timestamp.FindStringSubmatch(s)[1])
		if err == nil && time.Since(at) < time.Hour {
			return `"@timestamp":"now"`
		}
		return s
	})
}

// A stream may hold bare messages, for other readers of NATS: ours take them too.
func TestRecordsStoredAsBareMessagesAreDeliveredAndFound(t *testing.T) {
	t.Parallel()
	const records = 20
	r := start(t, func(s *pipeline.Settings) { s.Publisher.PublishFormat = publisher.FormatMessage })
	var frames []byte
	for n := range records {
		frames = append(frames, frame(n, 100)...)
	}
	r.send(t, frames, len(frames))
	found := map[int]bool{}
	for _, doc := range r.documents(t, records) {
		found[number(t, doc)] = true
	}
	if stored := r.state(t).Msgs; len(found) != records || stored != records {
		t.Errorf("%d records in %d messages, want %d in as many", len(found), stored, records)
	}
}

func TestRecordsOfOneWriteBeforeCloseAllArrive(t *testing.T) {
	t.Parallel()
	r := start(t)
	var frames []byte
	for n := range 5 {
		frames = append(frames, frame(n, 100)...)
	}
	r.send(t, frames, len(frames))
	r.documents(t, 5)
}

func TestAMessageOfEveryLengthArrives(t *testing.T) {
	t.Parallel()
	const shortest, longest = 6, 11_000
	far := sinktest.New(t)
	r := start(t, func(s *pipeline.Settings) { s.Bulk.RemoteURL = []string{far.URL} })
	var frames []byte
	want := map[string]bool{} // payloads
	for length := shortest; length <= longest; length++ {
		body, payload := messageOf(t, length)
		frames = heka.AppendFrame(frames, body)
		want[payload] = true
	}
	r.send(t, frames, 1460)
	far.Await(t, longest-shortest+1)
	for _, entry := range far.Ledger() {
		var doc struct{ Message string }
		if err := json.Unmarshal([]byte(entry.Doc), &doc); err != nil {
			t.Fatal(err)
		}
		if !want[doc.Message] {
			t.Fatalf("payload of %d bytes is none that was sent, or came twice: %.100q", len(doc.Message), doc.Message)
		}
		delete(want, doc.Message)
	}
	for payload := range want {
		t.Errorf("payload of %d bytes is missing", len(payload))
	}
}

// messageOf is a valid message of exactly length bytes. The letters of its payload
// differ from those of neighbouring lengths.
func messageOf(t *testing.T, length int) (body []byte, payload string) {
	t.Helper()
	for _, host := range []string{"h", "hh"} { // a payload of 128 bytes has a longer length
		for n := max(length-8, 1); n < length; n++ {
			payload = strings.Repeat(string(rune('a'+length%26)), n)
			body = protowire.AppendString(protowire.AppendTag(nil, 9, protowire.BytesType), host)
			body = protowire.AppendString(protowire.AppendTag(body, 6, protowire.BytesType), payload)
			if len(body) == length {
				return body, payload
			}
		}
	}
	t.Fatalf("no message of %d bytes", length)
	return nil, ""
}

func TestMessagesTooShortToBeValidAreRefusedAndCounted(t *testing.T) {
	t.Parallel()
	r := start(t)
	whole, _ := messageOf(t, 6)
	var frames []byte
	for length := range 6 {
		short := whole[:length]
		if status := r.post(t, http.DefaultClient, heka.AppendFrame(nil, short)); status != http.StatusBadRequest {
			t.Errorf("HTTP answers %d to a message of %d bytes", status, length)
		}
		frames = heka.AppendFrame(frames, short)
	}
	r.send(t, heka.AppendFrame(frames, whole), 1)
	r.documents(t, 1)
	for _, input := range []string{"tcp", "http"} {
		if n := r.metric(t, "lagermeister_receiver_refused_records_total", "input", input); n != 6 {
			t.Errorf("%s has refused %v records, expected 6", input, n)
		}
	}
}

// How much a block gathers depends on how much comes while the broker writes to its
// disk, and so on the machine; publisher.TestWhatComesWhileABlockIsUnderWaySharesTheNext
// says what must share one.
func TestClientsThatWaitShareBlocks(t *testing.T) {
	t.Parallel()
	const clients, rounds = 50, 100
	r := start(t)
	conns := make([]net.Conn, clients)
	answers := make([]*bufio.Reader, clients)
	for c := range conns {
		conns[c] = dial(t, r.HTTP)
		answers[c] = bufio.NewReader(conns[c])
	}
	for round := range rounds {
		for c, conn := range conns {
			body := frame(round*clients+c, 300)
			if _, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
				t.Fatal(err)
			}
		}
		for c := range conns {
			resp, err := http.ReadResponse(answers[c], nil)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("client %d, round %d: %v %+v", c, round, err, resp)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
		}
	}
	r.documents(t, clients*rounds)
	blocks := r.state(t).LastSeq
	t.Logf("%d records in %d blocks", clients*rounds, blocks)
	if blocks >= clients*rounds {
		t.Errorf("%d records in %d blocks: none has shared one", clients*rounds, blocks)
	}
}
