package stream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/sirupsen/logrus"
)

const (
	dialTimeout  = 5 * time.Second
	writeTimeout = 5 * time.Second // a broker that reads nothing for so long counts as gone
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
	maxReconnect = 2 * time.Second // once connected, a broker is looked for more often
)

// DialConfig says how to reach NATS.
type DialConfig struct {
	NATSURL      string `envconfig:"NATS_URL" default:"nats://localhost:4222" original:"true" url:"true" desc:"NATS servers, comma-separated: nats://, tls://, ws:// or wss://"`
	NATSCA       string `envconfig:"NATS_CA" desc:"file with the authorities that sign the servers' certificates, PEM; empty: the system's"`
	NATSCert     string `envconfig:"NATS_CERT" desc:"file with this client's certificate, PEM"`
	NATSKey      string `envconfig:"NATS_KEY" desc:"file with the certificate's key, PEM"`
	NATSCreds    string `envconfig:"NATS_CREDS" desc:"file with user credentials (JWT and seed)"`
	NATSUser     string `envconfig:"NATS_USER" desc:"user name"`
	NATSPassword string `envconfig:"NATS_PASSWORD" secret:"true" desc:"password"`
	Retries      int    `envconfig:"CONNECT_RETRIES" default:"0" desc:"tries to reach NATS at start before giving up; 0 = for ever"`
}

// Validate finds what no server can make right, files that cannot be used included.
func (c *DialConfig) Validate() error {
	_, err := c.identity()
	return err
}

// identity checks the settings and returns those of the connection's options that
// say who we are and whom we trust.
func (c *DialConfig) identity() (opts []nats.Option, err error) {
	if err := checkURLs(c.NATSURL); err != nil {
		return nil, err
	}
	switch {
	case (c.NATSCert == "") != (c.NATSKey == ""):
		return nil, fmt.Errorf("NATS_CERT=%s: expected it together with NATS_KEY, found %q there", c.NATSCert, c.NATSKey)
	case c.NATSPassword != "" && c.NATSUser == "":
		return nil, errors.New("NATS_PASSWORD: expected NATS_USER with it")
	case c.Retries < 0:
		return nil, fmt.Errorf("CONNECT_RETRIES=%d: expected 0 or more", c.Retries)
	}
	var o nats.Options // an option reads its file when it is applied
	use := func(variable, file string, opt nats.Option) {
		if wrong := opt(&o); wrong != nil && err == nil {
			err = fmt.Errorf("%s=%s: %w", variable, file, wrong)
		}
		opts = append(opts, opt)
	}
	if c.NATSCA != "" {
		use("NATS_CA", c.NATSCA, nats.RootCAs(c.NATSCA))
	}
	if c.NATSCert != "" {
		use("NATS_CERT", c.NATSCert, nats.ClientCert(c.NATSCert, c.NATSKey))
	}
	if c.NATSCreds != "" {
		creds := nats.UserCredentials(c.NATSCreds)
		use("NATS_CREDS", c.NATSCreds, func(o *nats.Options) error {
			if err := creds(o); err != nil {
				return err
			}
			_, err := o.SignatureCB(nil) // finds a file without a seed
			return err
		})
	}
	if c.NATSUser != "" {
		opts = append(opts, nats.UserInfo(c.NATSUser, c.NATSPassword))
	}
	return opts, err
}

// checkURLs accepts a list of NATS URLs with a scheme, a host and, if any, a port
// that there can be. Empty entries are left out, as nats.go does.
func checkURLs(list string) error {
	found := false
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		found = true
		u, err := url.Parse(entry)
		if err != nil || u.Host == "" || !strings.Contains(" nats tls ws wss ", " "+u.Scheme+" ") {
			return errURLs(list)
		}
		if port, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || port == 0) {
			return fmt.Errorf("NATS_URL=%s: expected a port from 1 to 65535, found %s", redacted(list), u.Port())
		}
	}
	if !found {
		return errURLs(list)
	}
	return nil
}

func errURLs(list string) error {
	return fmt.Errorf("NATS_URL=%s: expected nats://host:port (or tls, ws, wss), several with commas between them", redacted(list))
}

// Dial connects to NATS under the given connection name and logs each change of
// the connection from then on. While the broker cannot be reached it says so in
// one line per try and tries again with back-off and jitter; after cfg.Retries
// tries it gives up with an *Error (exit code 69). Settings no try can mend are
// an *Error with exit code 78. When ctx ends its cause is returned.
//
// Once connected it reconnects for ever, and nothing is buffered meanwhile: a
// publish then fails at once, and who sent it keeps it. opts are applied last.
func Dial(ctx context.Context, cfg DialConfig, name string, log logrus.FieldLogger, opts ...nats.Option) (*nats.Conn, error) {
	identity, err := cfg.identity()
	if err != nil {
		return nil, &Error{Config: true, Err: err}
	}
	all := slices.Concat(behaviour(name, log), identity, opts)
	for try := 1; ; try++ {
		nc, err := nats.Connect(cfg.NATSURL, all...)
		if err == nil {
			log.WithField("server", Server(nc)).Info("connected to NATS")
			return nc, nil
		}
		if try == cfg.Retries {
			return nil, unavailable("connect to NATS at %s, %d tries: %w", redacted(cfg.NATSURL), try, err)
		}
		wait := backoff(try, firstBackoff, maxBackoff)
		log.WithError(err).WithFields(logrus.Fields{"server": redacted(cfg.NATSURL), "try": try, "retry_in": wait.Round(time.Millisecond)}).
			Warn("NATS cannot be reached, trying again")
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to NATS at %s, %d tries: %w", redacted(cfg.NATSURL), try, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// behaviour is how a connection is kept and what is logged of it.
func behaviour(name string, log logrus.FieldLogger) []nats.Option {
	return []nats.Option{
		nats.Name(name),
		nats.Timeout(dialTimeout),
		nats.FlusherTimeout(writeTimeout),
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1),
		nats.IgnoreAuthErrorAbort(), // a broker that is being reconfigured may refuse us for a while
		nats.CustomReconnectDelay(func(rounds int) time.Duration { return backoff(rounds, firstBackoff, maxReconnect) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil: closed by us
				log.WithError(err).Warn("NATS connection lost, reconnecting")
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.WithField("server", Server(nc)).Info("reconnected to NATS")
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			entry := log.WithError(err)
			if sub != nil {
				entry = entry.WithField("subject", sub.Subject)
			}
			entry.Warn("NATS reported an error")
		}),
		nats.LameDuckModeHandler(func(nc *nats.Conn) {
			log.WithField("server", Server(nc)).Info("NATS server is about to stop")
		}),
	}
}

// backoff is the pause after the n-th failure, n from 1: doubling up to most,
// of which a random half is left out, so that clients do not return as one.
func backoff(n int, first, most time.Duration) time.Duration {
	d := most
	if n < 16 {
		d = min(most, first<<max(n-1, 0))
	}
	return d/2 + rand.N(d/2+1)
}

// Server is the URL that nc is connected to, without its password or token; empty
// when it is not connected.
func Server(nc *nats.Conn) string { return redacted(nc.ConnectedUrl()) }

// redacted is a list of URLs without passwords and tokens, also where they are no
// URLs.
func redacted(urls string) string {
	list := strings.Split(urls, ",")
	for i, s := range list {
		u, err := url.Parse(strings.TrimSpace(s))
		switch {
		case err == nil && u.Host != "":
			if u.User != nil && u.User.Username() != "" {
				if _, hasPassword := u.User.Password(); !hasPassword { // a token stands where the name does
					u.User = url.User("xxxxx")
				}
			}
			list[i] = u.Redacted()
		case strings.Contains(urls, "@"): // where a password ends, nobody knows
			return "xxxxx" + urls[strings.LastIndexByte(urls, '@'):]
		}
	}
	return strings.Join(list, ",")
}
