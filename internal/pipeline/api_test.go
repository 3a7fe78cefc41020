package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/sirupsen/logrus"
	"google.golang.org/protobuf/proto"

	"lagermeister/heka"
	"lagermeister/heka/hekapb"
	"lagermeister/internal/program"
	"lagermeister/ledger"
	"lagermeister/stream/streamtest"
)

const patience = time.Minute

// relay is a pipeline at work.
func relay(t *testing.T) *Pipeline {
	t.Helper()
	s := Defaults()
	if _, err := program.Configure("local_relay", nil, io.Discard, s.Parts()...); err != nil {
		t.Fatal(err)
	}
	s.Relay.DataDir = t.TempDir()
	s.Relay.NATSAddress, s.Relay.StoreAddress, s.Relay.StatsAddress = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	s.TCP.BindAddress, s.HTTP.BindAddress, s.Dashboard.HTTPPort = "127.0.0.1:0", "127.0.0.1:0", 0
	s.HTTP.AckTimeout = patience
	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, stop := context.WithCancel(context.Background())
	pl, err := New(ctx, program.New(ctx, "local_relay", log), s)
	if err != nil {
		stop()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pl.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return pl
}

// post sends n records to the receiver.
func post(t *testing.T, pl *Pipeline, n int) {
	t.Helper()
	var frames []byte
	for i := range n {
		body, err := proto.Marshal(&hekapb.Message{
			Uuid: fmt.Appendf(nil, "%016d", i), Timestamp: proto.Int64(time.Now().UnixNano()), Type: proto.String("test"), Logger: proto.String("api"),
			Hostname: proto.String("web-1"), Severity: proto.Int32(int32(i % 8)), Payload: proto.String(fmt.Sprintf("number %d", i)),
			Fields: []*hekapb.Field{{Name: proto.String("code"), ValueType: hekapb.Field_INTEGER.Enum(), ValueInteger: []int64{int64(i)}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		frames = heka.AppendFrame(frames, body)
	}
	resp, err := http.Post("http://"+pl.Addrs().HTTP.String()+"/", "application/octet-stream", bytes.NewReader(frames))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("the receiver answered %s", resp.Status)
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not so within a minute: " + what)
		}
	}
}

func TestEveryRouteIsDocumentedAndEveryDocumentedOneExists(t *testing.T) {
	t.Parallel()
	doc := readAPIDoc(t)
	pl := relay(t)
	var routes []string
	for _, pattern := range pl.dashboard.Routes() {
		if !strings.Contains(pattern, " ") {
			pattern = "GET " + pattern // GET and HEAD, or no such route
		}
		if (strings.Contains(pattern, " /api/v2/") || strings.HasSuffix(pattern, " /logs")) && !strings.HasSuffix(pattern, "/") {
			routes = append(routes, pattern)
		}
	}
	slices.Sort(routes)
	if documented := doc.operations(); !slices.Equal(routes, documented) {
		t.Errorf("routes and docs/api.yaml differ:\nroutes     %q\ndocumented %q", routes, documented)
	}
	var schemas []string
	for name := range doc.components["schemas"].(map[string]any) {
		schemas = append(schemas, name)
	}
	for _, name := range schemas {
		if _, err := doc.resolve(map[string]any{"$ref": "#/components/schemas/" + name}); err != nil {
			t.Error(err)
		}
	}
}

// asker asks a dashboard and checks each answer.
type asker struct {
	t    *testing.T
	doc  *apiDoc
	host string
	seen map[string]bool // operations that were answered well
}

// ask sends a request and returns the answer, which is as documented.
func (a *asker) ask(method, target, body string, header ...string) (status int, text string) {
	a.t.Helper()
	r, err := http.NewRequest(method, "http://"+a.host+target, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	path, _, _ := strings.Cut(target, "?")
	operation, kind := method+" "+path, resp.Header.Get("Content-Type")
	schema, err := a.doc.answer(operation, fmt.Sprint(resp.StatusCode), kind)
	if err != nil {
		a.t.Errorf("%s: %v: %s", target, err, content)
		return resp.StatusCode, string(content)
	}
	values := []string{string(content)}
	if strings.HasPrefix(kind, "application/x-ndjson") {
		values = strings.Split(strings.TrimSpace(string(content)), "\n")
	}
	for _, value := range values {
		if strings.Contains(kind, "csv") || path == "/api/v2/export" {
			continue // a file
		}
		if err := a.doc.check(decode(a.t, value), schema, operation); err != nil {
			a.t.Errorf("%s: %v: %.1000s", target, err, value)
		}
	}
	if resp.StatusCode == 200 {
		a.seen[operation] = true
	}
	return resp.StatusCode, string(content)
}

// floors is how far each group is, by the name of its consumer.
func floors(t *testing.T, js jetstream.JetStream, stream string) string {
	t.Helper()
	ctx := streamtest.Context(t)
	s, err := js.Stream(ctx, stream)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	consumers := s.ListConsumers(ctx)
	for c := range consumers.Info() {
		if c.Config.Durable != "" {
			list = append(list, fmt.Sprint(c.Name, " ", c.AckFloor.Stream, " ", c.Delivered.Stream, " ", c.Created))
		}
	}
	if err := consumers.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

func TestAnswersAreAsDocumentedAndLookingChangesNothing(t *testing.T) {
	t.Parallel()
	pl := relay(t)
	a := &asker{t: t, doc: readAPIDoc(t), host: pl.Addrs().Dashboard.String(), seen: map[string]bool{}}
	nc, err := nats.Connect(pl.Addrs().NATS, nats.Timeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js := streamtest.JetStream(t, nc)
	main := pl.settings.Stream.Subject

	tail := watch(t, a)
	post(t, pl, 40)
	if _, err := js.Publish(streamtest.Context(t), main, []byte("\x1eno frame, so a dead letter")); err != nil {
		t.Fatal(err)
	}
	var books ledger.Books
	eventually(t, "all is settled", func() bool {
		books = pl.book.Books()
		return len(books.Streams) == 1 && len(books.Streams[0].Groups) == 1 && books.Streams[0].Groups[0].Delivered == 40 && books.Streams[0].Groups[0].Dead == 1
	})
	for range 4 { // until every kind of message was seen
		post(t, pl, 1)
	}
	tail()
	eventually(t, "what was posted for the tail is settled and acknowledged", func() bool {
		group, err := js.Consumer(streamtest.Context(t), main, "es_subscriber")
		if err != nil {
			t.Fatal(err)
		}
		info := group.CachedInfo()
		return pl.book.Books().Streams[0].Groups[0].Delivered == 44 && info.NumPending == 0 && info.NumAckPending == 0
	})

	before := floors(t, js, main)
	_, text := a.ask("GET", "/api/v2/search?limit=5&q=Severity+%3C%3D+3", "")
	var page struct {
		Records []struct{ ID, Position string }
	}
	if err := json.Unmarshal([]byte(text), &page); err != nil || len(page.Records) == 0 {
		t.Fatalf("%v: %s", err, text)
	}
	_, text = a.ask("GET", "/api/v2/dead/entries", "")
	var letters struct{ Entries []struct{ Position string } }
	if err := json.Unmarshal([]byte(text), &letters); err != nil || len(letters.Entries) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	for _, target := range []string{
		"/boot", "/status", "/settings", "/programs", "/series", "/series?window=21600", "/ledger", "/consumers", "/search?text=number&from=0", "/facets", "/facets?field=Fields[code]&size=3",
		"/histogram?buckets=10", "/context?id=" + page.Records[0].ID, "/message?position=" + page.Records[0].Position, "/message?id=" + page.Records[0].ID,
		"/export?limit=3", "/export?format=csv", "/dead", "/dead?match=TRUE", "/dead/entry?which=" + letters.Entries[0].Position, "/dead/audit",
	} {
		if status, text := a.ask("GET", "/api/v2"+target, ""); status != 200 {
			t.Errorf("%s: %d %s", target, status, text)
		}
	}
	for target, want := range map[string]int{
		"/series?window=x": 400, "/search?q=Severity+%3C%3D": 400, "/search?nosuch=1": 400, "/facets?field=x": 400, "/histogram?buckets=x": 400,
		"/context?id=none": 404, "/message?position=1": 400, "/message": 400, "/export?format=x": 400, "/stream": 400,
		"/dead?match=x": 400, "/dead?stream=none": 404, "/dead/entries?limit=x": 400, "/dead/entry?which=9.9": 404, "/dead/audit?limit=x": 400,
	} {
		if status, text := a.ask("GET", "/api/v2"+target, ""); status != want {
			t.Errorf("%s: %d, want %d: %s", target, status, want, text)
		}
	}
	for target, want := range map[string]int{"/logs": 200, "/logs?level=error&message=number": 200, "/logs?level=x": 400, "/logs?q=TRUE": 400} {
		if status, text := a.ask("GET", target, ""); status != want {
			t.Errorf("%s: %d, want %d: %s", target, status, want, text)
		}
	}
	if after := floors(t, js, main); after != before {
		t.Errorf("looking has changed the groups:\n%s\nwas\n%s", after, before)
	}

	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"/replay", `{"dry_run":true}`, 200}, {"/replay", `{}`, 200}, {"/replay", `{"rate":-1}`, 400}, {"/replay", `{"match":"x"}`, 400},
		{"/drop", `{}`, 400}, {"/drop", `{"dry_run":true}`, 200}, {"/drop", `{"yes":true}`, 200},
	} {
		for _, accept := range []string{"application/json", "application/x-ndjson"} {
			if status, text := a.ask("POST", "/api/v2/dead"+c.path, c.body, "Accept", accept); status != c.want {
				t.Errorf("%s %s: %d, want %d: %s", c.path, c.body, status, c.want, text)
			}
		}
	}
	group := pl.book.Books().Streams[0].Groups[0].Group
	for _, c := range []struct {
		path, body string
		want       int
	}{
		{"pause", fmt.Sprintf(`{"stream":%q,"group":%q,"seconds":60}`, main, group), 200}, {"pause", `{"group":"x","seconds":60}`, 404}, {"pause", `{}`, 400},
		{"resume", fmt.Sprintf(`{"stream":%q,"group":%q}`, main, group), 200}, {"resume", `{}`, 404},
	} {
		if status, text := a.ask("POST", "/api/v2/consumers/"+c.path, c.body); status != c.want {
			t.Errorf("%s %s: %d, want %d: %s", c.path, c.body, status, c.want, text)
		}
		if status, text := a.ask("GET", "/api/v2/consumers", ""); status != 200 {
			t.Errorf("after %s: %d %s", c.path, status, text)
		}
	}
	if status, text := a.ask("GET", "/api/v2/dead/audit", ""); status != 200 || !strings.Contains(text, `"done"`) {
		t.Errorf("audit: %d %s", status, text)
	}
	a.seen["GET /api/v2/stream"] = true // by watch
	for _, operation := range a.doc.operations() {
		if !a.seen[operation] {
			t.Errorf("%s was never answered with 200 here", operation)
		}
	}
}

func TestEachPartOfARelayTellsSinceWhenAndInWhichVersionItRuns(t *testing.T) {
	t.Parallel()
	before := time.Now().Add(-time.Millisecond)
	pl := relay(t)
	eventually(t, "all parts are known", func() bool {
		var answer struct {
			Programs []struct {
				Sender, Version, State string
				Started                int64
			}
		}
		if err := json.Unmarshal(pl.live.Programs(), &answer); err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, p := range answer.Programs {
			if p.Version != program.Version() || p.State != "running" || p.Started < before.UnixMilli() || p.Started > time.Now().UnixMilli() {
				t.Fatalf("%+v", p)
			}
			parts = append(parts, p.Sender)
		}
		return slices.Equal(parts, []string{"es-output", "http-receiver", "tcp-receiver"})
	})
}

// watch opens the websocket with a tail and checks each message, until the
// function it returns has seen every kind that a healthy relay sends.
func watch(t *testing.T, a *asker) (wait func()) {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws://"+a.host+"/api/v2/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for _, frame := range []string{
		`{"t":"sub","topics":["m","ledger","consumers","programs"],"resume":1}`, `{"t":"tail","id":1,"q":"Severity <= 3","text":"number"}`, `{"t":"tail","id":2,"q":"Severity <="}`,
	} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	schema := map[string]any{"$ref": "#/components/schemas/ServerMessage"}
	missing := map[string]bool{"hello": true, "status": true, "m": true, "ledger": true, "consumers": true, "programs": true, "rows": true, "err": true, "gap": true}
	return func() {
		t.Helper()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		for len(missing) > 0 {
			_, frame, err := conn.ReadMessage()
			if err != nil {
				t.Fatalf("%v; never seen: %v", err, missing)
			}
			for _, message := range decode(t, string(frame)).([]any) {
				if err := a.doc.check(message, schema, "message"); err != nil {
					t.Errorf("%v: %.1000v", err, message)
				}
				kind, _ := message.(map[string]any)["t"].(string)
				delete(missing, kind)
			}
		}
	}
}
