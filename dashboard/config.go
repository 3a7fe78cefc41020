package dashboard

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Config says where the dashboard listens and who may look.
type Config struct {
	BindAddress    string   `envconfig:"BIND_ADDRESS" default:"127.0.0.1" desc:"address the dashboard listens on; beyond loopback only with PROXY_TOKEN, PROXY_OPERATOR_TOKEN or PROXY_INSECURE"`
	HTTPPort       int      `envconfig:"HTTP_PORT" default:"9010" original:"true" desc:"TCP port of the dashboard; 0: any free one"`
	Token          string   `envconfig:"TOKEN" secret:"true" desc:"who shows this token may look"`
	OperatorToken  string   `envconfig:"OPERATOR_TOKEN" secret:"true" desc:"who shows this token may look and change things"`
	Insecure       bool     `envconfig:"INSECURE" default:"false" desc:"true: whoever reaches the port may look, on any address"`
	Environment    string   `envconfig:"ENVIRONMENT" desc:"what the page's title says it shows, such as prod-eu"`
	AllowedOrigins []string `envconfig:"ALLOWED_ORIGINS" desc:"host or host:port of other sites whose pages may read the live events, and names under which a proxy in front passes requests on"`
}

// Validate refuses an address that anybody could read from.
func (c *Config) Validate() error {
	for name, token := range map[string]string{"TOKEN": c.Token, "OPERATOR_TOKEN": c.OperatorToken} {
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("%s: expected printable ASCII without spaces", name)
		}
	}
	for _, origin := range c.AllowedOrigins {
		if origin == "" || strings.ContainsAny(origin, "/* ") {
			return fmt.Errorf("ALLOWED_ORIGINS=%q: expected host or host:port, without a scheme", origin)
		}
	}
	switch {
	case c.HTTPPort < 0 || c.HTTPPort > 65535:
		return fmt.Errorf("HTTP_PORT=%d: expected 0 to 65535", c.HTTPPort)
	case !isLoopback(c.BindAddress) && !c.guarded() && !c.Insecure:
		return fmt.Errorf("BIND_ADDRESS=%s: everybody who reaches it could read the logs: "+
			"expected 127.0.0.1, or a PROXY_TOKEN (or PROXY_OPERATOR_TOKEN) to be set, or PROXY_INSECURE=true", c.BindAddress)
	}
	return nil
}

// guarded reports whether a token is needed.
func (c *Config) guarded() bool { return c.Token != "" || c.OperatorToken != "" }

func (c *Config) address() string { return net.JoinHostPort(c.BindAddress, strconv.Itoa(c.HTTPPort)) }

// isLoopback reports whether host is this machine only.
func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var errNoStore = errors.New("there is no search store: set PROXY_REMOTE_URL to the Elasticsearch or OpenSearch the records go to, " +
	"and PROXY_REMOTE_INDEX if its indices are not called lagermeister-*; local_relay has a store of its own")
