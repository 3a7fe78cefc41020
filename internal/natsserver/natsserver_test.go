package natsserver_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"lagermeister/internal/natsserver"
)

func start(t *testing.T, cfg natsserver.Config) *natsserver.Server {
	t.Helper()
	s, err := natsserver.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func TestServerWithoutListenerIsReachedInProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for round := range 2 { // what is stored is there after a restart
		s := start(t, natsserver.Config{StoreDir: dir, SyncAlways: true})
		nc, err := nats.Connect("", s.InProcess(), nats.Timeout(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s"}}); err != nil {
			t.Fatal(err)
		}
		ack, err := js.Publish(t.Context(), "s", []byte("x"))
		if err != nil || ack.Sequence != uint64(round+1) {
			t.Errorf("stored as %+v, %v, want sequence %d", ack, err, round+1)
		}
		nc.Close()
		s.Shutdown()
	}
}

func TestBusyPortIsAnErrorThatNamesIt(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = natsserver.Start(natsserver.Config{StoreDir: t.TempDir(), Addr: l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v", err)
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]natsserver.Config{
		`address "4222"`:     {Addr: "4222"},
		`configuration "{"`:  {Extra: "{"},
		`address "a:b"`:      {Addr: "a:b"},
		"embedded NATS serv": {StoreDir: filepath.Join(os.DevNull, "x")},
	} {
		if _, err := natsserver.Start(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestRoomCountsWhatIsStoredAlready(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing, err := natsserver.Room(filepath.Join(dir, "not", "yet"))
	if err != nil || missing <= 0 {
		t.Fatalf("%d, %v", missing, err)
	}
	// A sparse file holds much and takes nothing, so the free space stays.
	f, err := os.Create(filepath.Join(dir, "block"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const held = 1 << 40
	if err := f.Truncate(held); err != nil {
		t.Fatal(err)
	}
	room, err := natsserver.Room(dir)
	if err != nil || room < held || room < missing {
		t.Errorf("%d bytes, %v, want at least the %d stored", room, err, int64(held))
	}
}

// The quickest of several starts tells of the server; the others of the machine.
func TestServerStartsQuickly(t *testing.T) {
	quickest := time.Hour
	for range 5 {
		begin := time.Now()
		start(t, natsserver.Config{StoreDir: t.TempDir(), Addr: "127.0.0.1:0"})
		if quickest = min(quickest, time.Since(begin)); quickest < 2*time.Second {
			return
		}
	}
	t.Errorf("took %v, at the quickest", quickest)
}
