package pipeline

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"lagermeister/dashboard"
	"lagermeister/heka/encode"
	"lagermeister/internal/program"
	"lagermeister/internal/searchstore"
	"lagermeister/publisher"
	"lagermeister/receiver"
	"lagermeister/sink/bulk"
	"lagermeister/stats"
	"lagermeister/stream"
	"lagermeister/subscriber"
)

// Relay are the settings of the whole, with the prefix RELAY.
type Relay struct {
	DataDir      string `envconfig:"DATA_DIR" default:"./lagermeister-data" desc:"folder of the stream and the search store"`
	NATSAddress  string `envconfig:"NATS_ADDRESS" default:"127.0.0.1:4222" desc:"where the embedded NATS server listens; empty: not at all"`
	StoreAddress string `envconfig:"STORE_ADDRESS" default:"127.0.0.1:35200" desc:"where the embedded search store takes _bulk requests"`
	StatsAddress string `envconfig:"STATS_ADDRESS" default:"127.0.0.1:34998" desc:"TCP address of /health, /ready, /metrics and /version of all parts"`
}

// Validate refuses a relay without a place for its data, and ports that cannot
// be listened on.
func (r *Relay) Validate() error {
	if r.DataDir == "" {
		return fmt.Errorf("DATA_DIR=%q: expected a folder", r.DataDir)
	}
	if r.NATSAddress != "" {
		if err := program.CheckAddress("NATS_ADDRESS", r.NATSAddress); err != nil {
			return err
		}
	}
	if err := program.CheckAddress("STORE_ADDRESS", r.StoreAddress); err != nil {
		return err
	}
	return program.CheckAddress("STATS_ADDRESS", r.StatsAddress)
}

// Hub is where a relay forwards to, with the prefix RELAY_HUB.
type Hub struct {
	URL      string `envconfig:"URL" url:"true" desc:"NATS URLs of a hub to which every block is forwarded; empty: nothing is"`
	Subject  string `envconfig:"SUBJECT" desc:"subject there, whose stream must exist; empty: the local one"`
	CA       string `envconfig:"CA" desc:"PEM file of the authorities that sign the hub's certificate"`
	Cert     string `envconfig:"CERT" desc:"PEM file of our certificate, for mutual TLS"`
	Key      string `envconfig:"KEY" desc:"PEM file of its key"`
	Creds    string `envconfig:"CREDS" desc:"NATS credentials file"`
	User     string `envconfig:"USER" desc:"user name there"`
	Password string `envconfig:"PASSWORD" secret:"true" desc:"password there"`
}

// Validate refuses a hub that cannot be dialled.
func (h *Hub) Validate() error {
	if h.URL == "" {
		return nil
	}
	dial := h.dial()
	if err := dial.Validate(); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "NATS_"))
	}
	return nil
}

// dial is the connection to the hub. It is waited for as long as it takes: what
// is stored here is safe here.
func (h *Hub) dial() stream.DialConfig {
	return stream.DialConfig{
		NATSURL: h.URL, NATSCA: h.CA, NATSCert: h.Cert, NATSKey: h.Key, NATSCreds: h.Creds,
		NATSUser: h.User, NATSPassword: h.Password,
	}
}

// Settings are those of all parts.
type Settings struct {
	Log        program.Log
	Relay      Relay
	Hub        Hub
	Stream     stream.PublishConfig // RELAY_SUBJECT and RELAY_STREAM_…: one stream for all parts
	Publisher  publisher.Config
	Store      searchstore.Config
	TCP        receiver.TCPConfig
	HTTP       receiver.HTTPConfig
	Subscriber subscriber.Config
	Encode     encode.Config
	Bulk       Engine
	Dashboard  dashboard.Config
}

// ownStore is what ESSUB_REMOTE_URL is unless it is set: the store of this
// process, whatever its address turns out to be.
const ownStore = "http://127.0.0.1:35200"

// Engine is the bulk API, with the check of the index name that package bulk
// leaves to who fills it in.
type Engine struct{ bulk.Config }

// Validate refuses an index pattern with an error.
func (e *Engine) Validate() error {
	if _, err := encode.ParseIndex(e.Index); err != nil {
		return &program.ConfigError{Name: "INDEX", Value: e.Index, Err: err}
	}
	return nil
}

// Defaults are the settings before the environment is read.
func Defaults() *Settings {
	s := &Settings{}
	s.Subscriber.Program, s.Subscriber.Sender = "es_subscriber", stats.ESOutput
	s.Subscriber.AllByDefault = true
	s.Subscriber.BatchSize, s.Subscriber.BatchTimeout = 1000, 500*time.Millisecond
	s.Encode.Format = "ecs"
	s.Bulk.RemoteURL = []string{ownStore}
	return s
}

// Parts tells program.Configure which variables belong to which settings.
func (s *Settings) Parts() []program.Part {
	return []program.Part{
		{Prefix: "RELAY", Config: &s.Log},
		{Prefix: "RELAY", Config: &s.Relay},
		{Prefix: "RELAY", Config: &s.Stream},
		{Prefix: "RELAY", Config: &s.Publisher},
		{Prefix: "RELAY", Config: &s.Store},
		{Prefix: "RELAY_HUB", Config: &s.Hub},
		{Prefix: "TCPRCVR", Config: &s.TCP},
		{Prefix: "RCVR", Config: &s.HTTP},
		{Prefix: "ESSUB", Config: &s.Subscriber},
		{Prefix: "ESSUB", Config: &s.Encode},
		{Prefix: "ESSUB", Config: &s.Bulk},
		{Prefix: "PROXY", Config: &s.Dashboard},
	}
}

// effective is what the page may show of the settings.
func (s *Settings) effective() (list []dashboard.Setting) {
	for _, e := range program.EffectiveOf(s.Parts(), Defaults().Parts()) {
		list = append(list, dashboard.Setting(e))
	}
	return list
}

// storeDir and natsDir are where the two stores keep their files.
func (s *Settings) storeDir() string { return filepath.Join(s.Relay.DataDir, "search") }
func (s *Settings) natsDir() string  { return filepath.Join(s.Relay.DataDir, "nats") }

// toOwnStore tells whether records go to the store of this process.
func (s *Settings) toOwnStore() bool {
	return len(s.Bulk.RemoteURL) == 1 && s.Bulk.RemoteURL[0] == ownStore
}
