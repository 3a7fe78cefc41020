// Package httpclient is what the sinks that speak HTTP share: settings,
// authentication, TLS, the choice of an endpoint, request bodies that are
// reused, and the reading of answers by the table of package sink.
//
// It promises that no secret (password, key, token, and the path and query of
// an endpoint, which some services use as one) appears in an error, and that a
// request body is not touched after the transport may still be reading it.
package httpclient

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config says how to reach the far end. The endpoints themselves are the
// sink's, since their default differs.
type Config struct {
	Username    string        `envconfig:"REMOTE_USERNAME" desc:"user name for basic authentication at the far end"`
	Password    string        `envconfig:"REMOTE_PASSWORD" secret:"true" desc:"password for basic authentication"`
	APIKey      string        `envconfig:"REMOTE_API_KEY" secret:"true" desc:"key sent as Authorization: ApiKey; id:key, or its base64 form"`
	BearerToken string        `envconfig:"REMOTE_BEARER_TOKEN" secret:"true" desc:"token sent as Authorization: Bearer"`
	CA          string        `envconfig:"REMOTE_CA" desc:"PEM file with the authorities that may sign the far end's certificate; empty: the system's"`
	Cert        string        `envconfig:"REMOTE_CERT" desc:"PEM file with our client certificate, read again at each connection"`
	Key         string        `envconfig:"REMOTE_KEY" desc:"PEM file with the client certificate's key"`
	Timeout     time.Duration `envconfig:"REMOTE_TIMEOUT" default:"60s" desc:"time one request may take, from connecting to the end of the answer"`
	Gzip        bool          `envconfig:"REMOTE_GZIP" default:"false" desc:"compress requests, and accept compressed answers"`
}

// Validate refuses what would only fail later. Certificates are loaded once.
func (c *Config) Validate() error {
	if c.Password != "" && c.Username == "" {
		return errors.New("REMOTE_USERNAME: expected a name, since REMOTE_PASSWORD is set")
	}
	if n := len(c.authorizations()); n > 1 {
		return fmt.Errorf("REMOTE_USERNAME, REMOTE_API_KEY, REMOTE_BEARER_TOKEN: expected one of them, %d are set", n)
	}
	for name, value := range map[string]string{"REMOTE_API_KEY": c.APIKey, "REMOTE_BEARER_TOKEN": c.BearerToken} {
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("%s: expected printable ASCII without spaces", name)
		}
	}
	if (c.Cert == "") != (c.Key == "") {
		return fmt.Errorf("REMOTE_CERT=%s, REMOTE_KEY=%s: expected both or none", c.Cert, c.Key)
	}
	if c.Timeout <= 0 {
		return fmt.Errorf("REMOTE_TIMEOUT=%s: expected more than 0", c.Timeout)
	}
	_, err := c.tls()
	return err
}

// authorizations lists the Authorization headers that the settings ask for.
func (c *Config) authorizations() (list []string) {
	if c.Username != "" {
		list = append(list, "Basic "+basic(c.Username, c.Password))
	}
	if key := c.APIKey; key != "" {
		if strings.Contains(key, ":") { // not a base64 character: the plain form
			key = base64.StdEncoding.EncodeToString([]byte(key))
		}
		list = append(list, "ApiKey "+key)
	}
	if c.BearerToken != "" {
		list = append(list, "Bearer "+c.BearerToken)
	}
	return list
}

func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

func (c *Config) tls() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("REMOTE_CA=%s: expected a readable PEM file: %w", c.CA, err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("REMOTE_CA=%s: expected certificates in PEM form, found none", c.CA)
		}
	}
	if c.Cert != "" {
		if _, err := tls.LoadX509KeyPair(c.Cert, c.Key); err != nil {
			return nil, fmt.Errorf("REMOTE_CERT=%s, REMOTE_KEY=%s: expected a certificate and its key in PEM form: %w", c.Cert, c.Key, err)
		}
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
			return &pair, err
		}
	}
	return conf, nil
}

// ParseURLs checks the endpoints in the variable called name: absolute http or
// https URLs without a fragment, at least one.
func ParseURLs(name string, urls []string) ([]*url.URL, error) {
	var list []*url.URL
	for _, s := range urls {
		s = strings.TrimSpace(s)
		u, err := url.Parse(s)
		switch {
		case s == "":
			continue
		case err != nil: // its text would repeat the URL, password included
			return nil, fmt.Errorf("%s=%s: expected a URL such as https://host:port/path", name, masked(s))
		case u.Scheme != "http" && u.Scheme != "https":
			return nil, fmt.Errorf("%s=%s: expected a URL that starts with http:// or https://", name, masked(s))
		case u.Hostname() == "":
			return nil, fmt.Errorf("%s=%s: expected a host name", name, masked(s))
		case u.Fragment != "":
			return nil, fmt.Errorf("%s=%s: expected no #fragment", name, masked(s))
		}
		list = append(list, u)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: expected at least one URL such as https://host:port", name)
	}
	return list, nil
}

// Shown is what people may see of a list of URLs of any scheme: scheme and host of
// each, since what stands before the host or behind it may be a secret. When one of
// them is no URL nothing is shown: nobody knows where a password in it ends.
func Shown(urls []string) string {
	var names []string
	for _, s := range urls {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		u, err := url.Parse(s)
		// An @ behind the host is that of a user:password@ with a slash or the like in it.
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(u.Path+u.RawQuery+u.Fragment, "@") {
			return "…"
		}
		names = append(names, name(u))
	}
	return strings.Join(names, ", ")
}

func name(u *url.URL) string { return u.Scheme + "://" + u.Host }

// masked is what may be said of a text that should have been a URL: no more than
// scheme, host and that there is something before or behind.
func masked(s string) string {
	scheme, rest := "", s
	if before, after, found := strings.Cut(s, "://"); found {
		scheme, rest = before+"://", after
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = "…" + rest[at:]
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 && rest[end:] != "/" {
		rest = rest[:end+1] + "…"
	}
	return scheme + rest
}

// transport holds a connection for each of the at most 25 posts in flight.
// HTTP/1.1 only: bulk posts share nothing, and engines speak nothing newer.
func (c *Config) transport() (*http.Transport, error) {
	conf, err := c.tls()
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial,
		TLSClientConfig:     conf,
		Protocols:           new(http.Protocols),
		DisableCompression:  !c.Gzip,
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     30 * time.Second, // below the 60 s after which load balancers forget a connection
		TLSHandshakeTimeout: 10 * time.Second,

		MaxResponseHeaderBytes: maxHeader,
	}
	t.Protocols.SetHTTP1(true)
	return t, nil
}

// Mask takes out of text the secrets that a client made by Plain sends.
func (c *Config) Mask(text string) string { return c.replacer(nil).Replace(text) }

// Plain returns an HTTP client that authenticates and uses TLS as the settings
// say, for who judges answers without the table of sinks. A request that brings
// its own Authorization keeps it.
func (c *Config) Plain() (*http.Client, error) {
	transport, err := c.transport()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport}
	if list := c.authorizations(); len(list) > 0 {
		client.Transport = authorizing{transport, list[0]}
	}
	return client, nil
}

type authorizing struct {
	http.RoundTripper
	authorization string
}

func (a authorizing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") == "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", a.authorization)
	}
	return a.RoundTripper.RoundTrip(r)
}
