// Does what sdk/conformance says, one line of JSON a command.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	locum "locum/sdk/go"
	locumv1 "locum/sdk/go/locum/v1"
)

type command struct {
	ID            int               `json:"id"`
	Do            string            `json:"do"`
	Client        int               `json:"client"`
	Addresses     []string          `json:"addresses"`
	TimeoutMs     int64             `json:"timeoutMs"`
	CancelAfterMs int64             `json:"cancelAfterMs"`
	TLS           bool              `json:"tls"`
	CA            string            `json:"ca"`
	Cert          string            `json:"cert"`
	Key           string            `json:"key"`
	Token         string            `json:"token"`
	Service       string            `json:"service"`
	Method        string            `json:"method"`
	Request       json.RawMessage   `json:"request"`
	Items         protoreflect.Name `json:"items"`
	About         string            `json:"about"`
	After         string            `json:"after"`
	Env           map[string]string `json:"env"`
}

type object = map[string]any

type session struct {
	*locum.Client
	follow context.Context
	end    context.CancelFunc
}

type player struct {
	mu      sync.Mutex
	clients map[int]session
}

func (p *player) tell(id int, answer object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer["id"] = id
	line, _ := json.Marshal(answer)
	fmt.Println(string(line))
}

func (p *player) client(id int) session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clients[id]
}

func failureOf(err error) object {
	var answer *locum.Error
	var unreachable *locum.UnreachableError
	switch {
	case errors.As(err, &answer):
		violations := []object{}
		for _, each := range answer.FieldViolations {
			violations = append(violations, object{"field": each.Field, "description": each.Description})
		}
		refused := object{"reason": answer.Reason, "resource": answer.Resource, "fieldViolations": violations}
		return object{"refused": refused}
	case errors.As(err, &unreachable):
		return object{"failed": "UNREACHABLE"}
	}
	names := map[string]string{"DeadlineExceeded": "DEADLINE_EXCEEDED", "Canceled": "CANCELLED"}
	code := status.Code(err).String()
	if name, known := names[code]; known {
		code = name
	}
	return object{"failed": code, "message": err.Error()}
}

// caller makes the function of a generated client take and give any message.
func caller(client session, c command) (func(context.Context, proto.Message) (proto.Message, error), proto.Message, error) {
	members := map[string]any{
		"PolicyService": client.Policies, "RunService": client.Runs, "ServerService": client.Servers, "PoolService": client.Pools,
		"EventService": client.Events, "FenceService": client.Fences, "ClusterService": client.Cluster, "AccessService": client.Access,
	}
	method := reflect.ValueOf(members[c.Service]).MethodByName(c.Method)
	if !method.IsValid() {
		return nil, nil, fmt.Errorf("no method %s", c.Method)
	}
	request, _ := reflect.New(method.Type().In(1).Elem()).Interface().(proto.Message)
	if err := protojson.Unmarshal(c.Request, request); err != nil {
		return nil, nil, err
	}
	call := func(ctx context.Context, request proto.Message) (proto.Message, error) {
		given := method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(request)})
		err, _ := given[1].Interface().(error)
		answer, _ := given[0].Interface().(proto.Message)
		return answer, err
	}
	return call, request, nil
}

func (p *player) call(c command) object {
	ctx := context.Background()
	if c.TimeoutMs > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(c.TimeoutMs)*time.Millisecond)
		defer cancel()
		ctx = limited
	}
	if c.CancelAfterMs > 0 {
		given, giveUp := context.WithCancel(ctx)
		time.AfterFunc(time.Duration(c.CancelAfterMs)*time.Millisecond, giveUp)
		ctx = given
	}
	call, request, err := caller(p.client(c.Client), c)
	if err != nil {
		return failureOf(err)
	}
	answer, err := call(ctx, request)
	if err != nil {
		return failureOf(err)
	}
	text, _ := protojson.Marshal(answer)
	return object{"answer": json.RawMessage(text)}
}

// listPage lets one EachItem read every list.
type listPage struct{ proto.Message }

func (p listPage) GetNextPageToken() string {
	return p.ProtoReflect().Get(p.ProtoReflect().Descriptor().Fields().ByName("next_page_token")).String()
}

func (p *player) list(c command) object {
	call, request, err := caller(p.client(c.Client), c)
	if err != nil {
		return failureOf(err)
	}
	read := func(ctx context.Context, request locum.Request, _ ...grpc.CallOption) (listPage, error) {
		answer, err := call(ctx, request.ProtoReflect().Interface())
		return listPage{answer}, err
	}
	items := func(page listPage) []protoreflect.Message {
		list := page.ProtoReflect().Get(page.ProtoReflect().Descriptor().Fields().ByName(c.Items)).List()
		var found []protoreflect.Message
		for i := range list.Len() {
			found = append(found, list.Get(i).Message())
		}
		return found
	}
	typed, ok := request.(locum.Request)
	if !ok {
		return object{"failed": "no list"}
	}
	names := []string{}
	for item, err := range locum.EachItem(context.Background(), read, typed, items) {
		if err != nil {
			return failureOf(err)
		}
		names = append(names, item.Get(item.Descriptor().Fields().ByName("name")).String())
	}
	return object{"names": names}
}

func (p *player) follow(c command) object {
	client := p.client(c.Client)
	after, _ := strconv.ParseUint(c.After, 10, 64)
	for message, err := range locum.FollowEvents(client.follow, client.Client, c.About, after) {
		if client.follow.Err() != nil {
			break
		}
		if err != nil {
			return failureOf(err)
		}
		if message.Event != nil {
			p.tell(c.ID, object{"event": message.Event.Name})
		}
	}
	return object{"ended": true}
}

// told makes of a watch of any resource what the protocol says.
func told[M any, P interface {
	*M
	locum.ResourceMessage
}](
	p *player, c command, client session, open func(context.Context, uint64) (grpc.ServerStreamingClient[M], error),
) object {
	for message, err := range locum.FollowResources[M, P](client.follow, open) {
		if client.follow.Err() != nil {
			break
		}
		if err != nil {
			return failureOf(err)
		}
		reflected := P(message).ProtoReflect()
		change := reflected.WhichOneof(reflected.Descriptor().Oneofs().ByName("change"))
		switch {
		case change == nil:
		case change.Message() == nil:
			p.tell(c.ID, object{"deleted": P(message).GetDeleted()})
		default:
			resource := reflected.Get(change).Message()
			p.tell(c.ID, object{"changed": resource.Get(resource.Descriptor().Fields().ByName("name")).String()})
		}
	}
	return object{"ended": true}
}

func (p *player) watch(c command) object {
	client := p.client(c.Client)
	switch c.Method {
	case "WatchPolicies":
		return told(p, c, client, func(ctx context.Context, after uint64) (grpc.ServerStreamingClient[locumv1.WatchPoliciesResponse], error) {
			return client.Policies.WatchPolicies(ctx, &locumv1.WatchPoliciesRequest{Revision: after})
		})
	case "WatchRuns":
		return told(p, c, client, func(ctx context.Context, after uint64) (grpc.ServerStreamingClient[locumv1.WatchRunsResponse], error) {
			return client.Runs.WatchRuns(ctx, &locumv1.WatchRunsRequest{Revision: after})
		})
	case "WatchServers":
		return told(p, c, client, func(ctx context.Context, after uint64) (grpc.ServerStreamingClient[locumv1.WatchServersResponse], error) {
			return client.Servers.WatchServers(ctx, &locumv1.WatchServersRequest{Revision: after})
		})
	case "WatchPools":
		return told(p, c, client, func(ctx context.Context, after uint64) (grpc.ServerStreamingClient[locumv1.WatchPoolsResponse], error) {
			return client.Pools.WatchPools(ctx, &locumv1.WatchPoolsRequest{Revision: after})
		})
	}
	return object{"failed": "no watch"}
}

func tlsOf(c command) (*tls.Config, error) {
	config := &tls.Config{}
	if c.CA != "" {
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM([]byte(c.CA))
	}
	if c.Cert != "" {
		pair, err := tls.X509KeyPair([]byte(c.Cert), []byte(c.Key))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func (p *player) fence(c command) object {
	attempt, err := locum.ContextFrom(func(name string) string { return c.Env[name] })
	if err != nil {
		return object{"outside": true}
	}
	told := object{"policy": attempt.Policy, "run": attempt.Run, "epoch": strconv.FormatUint(attempt.Epoch, 10)}
	var fenced *locum.FencedError
	err = locum.NewFence(p.client(c.Client).Client, attempt).AssertCurrent(context.Background())
	switch {
	case errors.As(err, &fenced):
		return object{"context": told, "verdict": "fenced"}
	case err != nil:
		return failureOf(err)
	}
	return object{"context": told, "verdict": "current"}
}

func (p *player) connect(c command) object {
	options := locum.Options{Timeout: time.Duration(c.TimeoutMs) * time.Millisecond}
	if c.TLS {
		config, err := tlsOf(c)
		if err != nil {
			return failureOf(err)
		}
		options.TLS = config
	}
	if c.Token != "" {
		options.Token = func(context.Context) (string, error) { return c.Token, nil }
	}
	client, err := locum.Connect(c.Addresses, options)
	if err != nil {
		return failureOf(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, end := context.WithCancel(context.Background())
	p.clients[c.ID] = session{client, ctx, end}
	return object{"client": c.ID}
}

func (p *player) play(c command) {
	switch c.Do {
	case "connect":
		p.tell(c.ID, p.connect(c))
	case "call":
		p.tell(c.ID, p.call(c))
	case "list":
		p.tell(c.ID, p.list(c))
	case "follow":
		p.tell(c.ID, p.follow(c))
	case "watch":
		p.tell(c.ID, p.watch(c))
	case "fence":
		p.tell(c.ID, p.fence(c))
	case "end":
		p.client(c.Client).end()
	case "close":
		p.client(c.Client).end()
		_ = p.client(c.Client).Close()
		p.tell(c.ID, object{"closed": true})
	}
}

func main() {
	p := &player{clients: map[int]session{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go p.play(c)
	}
}
