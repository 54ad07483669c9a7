// Package locum is a client of Locum: changes that happen once, watches that go on, errors by reason, a fence for code inside a policy.
// The messages are in locum/sdk/go/locum/v1; their comments are the reference.
package locum

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os/user"
	"strings"
	"time"

	"google.golang.org/grpc"
	pacing "google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	locumv1 "locum/sdk/go/locum/v1"
)

// Options of Connect. The zero value will do.
type Options struct {
	// Timeout is for one call with all its repetitions. Default: 10 s. A context's own deadline goes before it; streams have none.
	Timeout time.Duration
	// TLS is the configuration of crypto/tls. Nil: no TLS.
	TLS *tls.Config
	// Token is asked before each try, and sent as `authorization: Bearer …`. Nil: none.
	Token func(context.Context) (string, error)
	// Actor is who asks, for the event log; printable ASCII. Default: the user of this process.
	Actor string
}

// Client has a member per service of the API, over all controllers. Safe for use by several goroutines.
type Client struct {
	Policies  locumv1.PolicyServiceClient
	Runs      locumv1.RunServiceClient
	Servers   locumv1.ServerServiceClient
	Pools     locumv1.PoolServiceClient
	Events    locumv1.EventServiceClient
	Fences    locumv1.FenceServiceClient
	Cluster   locumv1.ClusterServiceClient
	Audit     locumv1.AuditServiceClient
	Enrolment locumv1.EnrolmentServiceClient
	Access    locumv1.AccessServiceClient
	Hooks     locumv1.HookServiceClient
	conn      *conn
}

// Connect dials nothing before the first call. It refuses a token that would go over a network in plain text.
func Connect(addresses []string, options Options) (*Client, error) {
	if len(addresses) == 0 {
		return nil, fmt.Errorf("addresses: at least one host:port")
	}
	if options.Timeout == 0 {
		options.Timeout = 10 * time.Second
	}
	made := &conn{timeout: options.Timeout, prefer: preference{count: len(addresses)}}
	for _, address := range addresses {
		if options.Token != nil && options.TLS == nil && !isLoopback(address) {
			return nil, fmt.Errorf("a token would go to %s in plain text: give TLS, too", address)
		}
		dialled, err := grpc.NewClient(address, dialOptions(options)...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		made.conns = append(made.conns, dialled)
	}
	return &Client{
		Policies:  locumv1.NewPolicyServiceClient(made),
		Runs:      locumv1.NewRunServiceClient(made),
		Servers:   locumv1.NewServerServiceClient(made),
		Pools:     locumv1.NewPoolServiceClient(made),
		Events:    locumv1.NewEventServiceClient(made),
		Fences:    locumv1.NewFenceServiceClient(made),
		Cluster:   locumv1.NewClusterServiceClient(made),
		Audit:     locumv1.NewAuditServiceClient(made),
		Enrolment: locumv1.NewEnrolmentServiceClient(made),
		Access:    locumv1.NewAccessServiceClient(made),
		Hooks:     locumv1.NewHookServiceClient(made),
		conn:      made,
	}, nil
}

// Close gives up what is under way and closes all connections.
func (c *Client) Close() error {
	var first error
	for _, each := range c.conn.conns {
		if err := each.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func dialOptions(options Options) []grpc.DialOption {
	transport := insecure.NewCredentials()
	if options.TLS != nil {
		transport = credentials.NewTLS(options.TLS)
	}
	pace := pacing.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithPerRPCCredentials(caller{token: options.Token, actor: actorOf(options.Actor)}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pace, MinConnectTimeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64 << 20)),
		// Repeated here, with a request_id. grpc's own retries would know nothing of other addresses.
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
	}
}

type caller struct {
	token func(context.Context) (string, error)
	actor string
}

func (c caller) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	found := map[string]string{"x-locum-actor": c.actor}
	if c.token != nil {
		token, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		found["authorization"] = "Bearer " + token
	}
	return found, nil
}

// RequireTransportSecurity: Connect has looked at the addresses already.
func (c caller) RequireTransportSecurity() bool { return false }

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

func actorOf(given string) string {
	if current, err := user.Current(); given == "" && err == nil {
		given = current.Username
	}
	if given == "" {
		given = "unknown"
	}
	printable := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, given)
	return printable[:min(len(printable), 128)]
}
