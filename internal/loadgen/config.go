package loadgen

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lagermeister/heka"
)

// Bounds of what makes sense, and of what this process can hold.
const (
	maxConnections = 60_000 // there are no more ports to connect from
	maxPerRequest  = 10_000
	minRate        = 0.001
	maxRate        = 1e9 // a nanosecond apart
)

// Config is what to send, where and how fast. Its variables have the prefix GEN.
type Config struct {
	Address      string        `envconfig:"ADDRESS" desc:"where to send: host:port for tcp (default localhost:35000), a URL for http (default http://localhost:35001/)"`
	Protocol     string        `envconfig:"PROTOCOL" default:"tcp" desc:"tcp (Heka frames) or http (HTTP/1.1 without a proxy; one request waits for its answer, then the next)"`
	Rate         float64       `envconfig:"RATE" default:"1000" desc:"records a second over all connections; 0 = as fast as taken"`
	Count        uint64        `envconfig:"COUNT" desc:"stop after so many records; 0 = no limit"`
	Duration     time.Duration `envconfig:"DURATION" desc:"stop after this time; 0 = no limit"`
	Connections  int           `envconfig:"CONNECTIONS" default:"1" desc:"connections that send side by side"`
	PerRequest   int           `envconfig:"RECORDS_PER_REQUEST" default:"1" desc:"records in one HTTP request"`
	Size         int           `envconfig:"SIZE" default:"300" desc:"size of a message (the body of its frame), bytes"`
	Distribution string        `envconfig:"SIZE_DISTRIBUTION" default:"fixed" desc:"fixed, uniform (half to one and a half of SIZE) or lognormal (many small, few large, mean SIZE)"`
	Signed       float64       `envconfig:"SIGNED_SHARE" desc:"share of records that are signed, 0 to 1"`
	Signer       string        `envconfig:"SIGNER" secret:"true" desc:"who signs: NAME_VERSION KEY, as a line of a signers file"`
	Corrupt      float64       `envconfig:"CORRUPT_SHARE" desc:"share of records that are damaged, 0 to 1"`
	Oversized    float64       `envconfig:"OVERSIZED_SHARE" desc:"share of records with a message larger than 65536 bytes, 0 to 1"`
	Seed         uint64        `envconfig:"SEED" desc:"fixes uuids, texts and sizes; 0 = another one each run"`
	StartTime    string        `envconfig:"START_TIME" desc:"time of record 0, RFC 3339; the following are 1/RATE later each (1 ms when RATE is 0). Empty = the time of sending"`
	VerifyURL    string        `envconfig:"VERIFY_URL" url:"true" desc:"search API to read the records back from, such as http://localhost:9010/api/v2/search"`
	VerifyWait   time.Duration `envconfig:"VERIFY_WAIT" default:"60s" desc:"time the records have to become visible there while none arrives"`
	VerifyToken  string        `envconfig:"VERIFY_TOKEN" secret:"true" desc:"bearer token for VERIFY_URL"`
}

// Validate completes Address and refuses what would only fail later. The error
// starts with the variable, less its prefix.
func (c *Config) Validate() error {
	switch c.Protocol {
	case "tcp":
		if c.Address == "" {
			c.Address = "localhost:35000"
		}
		if _, port, err := net.SplitHostPort(c.Address); err != nil || !goodPort(port) {
			return fmt.Errorf("ADDRESS=%q: expected host:port for tcp", masked(c.Address))
		}
	case "http":
		if c.Address == "" {
			c.Address = "http://localhost:35001/"
		}
		if err := checkURL(c.Address); err != nil {
			return fmt.Errorf("ADDRESS=%q: %w", masked(c.Address), err)
		}
	default:
		return fmt.Errorf("PROTOCOL=%q: expected tcp or http", c.Protocol)
	}
	if c.VerifyURL != "" {
		if err := checkURL(c.VerifyURL); err != nil {
			return fmt.Errorf("VERIFY_URL=%q: %w", masked(c.VerifyURL), err)
		}
	}
	for _, number := range []struct {
		name        string
		value, most int
	}{{"CONNECTIONS", c.Connections, maxConnections}, {"RECORDS_PER_REQUEST", c.PerRequest, maxPerRequest}} {
		if number.value < 1 || number.value > number.most {
			return fmt.Errorf("%s=%d: expected 1 to %d", number.name, number.value, number.most)
		}
	}
	if c.Size < minSize || c.Size > heka.DefaultMaxMessage {
		return fmt.Errorf("SIZE=%d: expected %d to %d bytes", c.Size, minSize, heka.DefaultMaxMessage)
	}
	if c.Rate != 0 && !(c.Rate >= minRate && c.Rate <= maxRate) { // not NaN either
		return fmt.Errorf("RATE=%g: expected 0, or %g to %g", c.Rate, minRate, maxRate)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"DURATION", c.Duration}, {"VERIFY_WAIT", c.VerifyWait}} {
		if d.value < 0 {
			return fmt.Errorf("%s=%v: expected 0 or more", d.name, d.value)
		}
	}
	for _, share := range []struct {
		name  string
		value float64
	}{{"SIGNED_SHARE", c.Signed}, {"CORRUPT_SHARE", c.Corrupt}, {"OVERSIZED_SHARE", c.Oversized}} {
		if !(share.value >= 0 && share.value <= 1) {
			return fmt.Errorf("%s=%g: expected 0 to 1", share.name, share.value)
		}
	}
	if c.Corrupt+c.Oversized > 1 {
		return fmt.Errorf("CORRUPT_SHARE=%g: expected at most 1 together with OVERSIZED_SHARE=%g", c.Corrupt, c.Oversized)
	}
	if c.Protocol == "http" && c.Corrupt+c.Oversized > 0 && c.PerRequest > 1 {
		return fmt.Errorf("RECORDS_PER_REQUEST=%d: expected 1 with damaged or oversized records, because a request is taken whole or not at all", c.PerRequest)
	}
	_, err := c.recipe()
	return err
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Port() != "" && !goodPort(u.Port()) {
		return fmt.Errorf("expected a URL such as http://localhost:35001/")
	}
	return nil
}

// goodPort accepts a number that a port can have, or the name of one.
func goodPort(port string) bool {
	n, err := net.LookupPort("tcp", port)
	return err == nil && n > 0
}

// masked is an address without what stands before its host, which may be a password.
func masked(address string) string {
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return "…" + address[at:]
	}
	return address
}

// recipe is what records are made by, as c describes it.
func (c *Config) recipe() (Recipe, error) {
	r := Recipe{
		Seed: c.Seed, Size: c.Size, Step: time.Millisecond,
		Signed: c.Signed, Corrupt: c.Corrupt, Oversized: c.Oversized,
	}
	if c.Rate > 0 {
		r.Step = time.Duration(float64(time.Second) / c.Rate)
	}
	switch c.Distribution {
	case "fixed":
		r.Spread = Fixed
	case "uniform":
		r.Spread = Uniform
	case "lognormal":
		r.Spread = LogNormal
	default:
		return r, fmt.Errorf("SIZE_DISTRIBUTION=%q: expected fixed, uniform or lognormal", c.Distribution)
	}
	if c.StartTime != "" {
		start, err := time.Parse(time.RFC3339Nano, c.StartTime)
		if err != nil || !time.Unix(0, start.UnixNano()).Equal(start) { // beyond 1677 to 2262
			return r, fmt.Errorf("START_TIME=%q: expected a time such as 2026-11-20T12:00:00Z", c.StartTime)
		}
		r.Start = start
	}
	if c.Signed > 0 {
		signers, err := heka.ReadSigners(strings.NewReader(c.Signer))
		if err != nil || len(signers) != 1 {
			return r, fmt.Errorf("SIGNER: expected NAME_VERSION KEY, needed by SIGNED_SHARE=%g", c.Signed)
		}
		for id, key := range signers {
			r.Signer = signer(id, key)
		}
	}
	return r, nil
}

// signer takes apart the id of a signer, which ReadSigners has found valid.
func signer(id string, key []byte) heka.Signer {
	name, version := id[:strings.LastIndexByte(id, '_')], id[strings.LastIndexByte(id, '_')+1:]
	number, _ := strconv.ParseUint(version, 10, 32)
	return heka.Signer{Name: name, Version: uint32(number), Key: key}
}
