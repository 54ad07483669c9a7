package locum

import (
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// How long one of several addresses may take: one that hangs must not use up the time in which the next one answers.
const tryTimeout = 3 * time.Second

// mayRepeat tells whether the same call may do better later or elsewhere: no answer, or one that says "not now, not here".
func mayRepeat(err error) bool {
	var answer *Error
	code := status.Code(err)
	if errors.As(err, &answer) {
		return code == codes.Unavailable && answer.Reason != "AGENT_UNREACHABLE"
	}
	switch code {
	// What grpc makes itself when a connection breaks under a call. An answer of a controller has a reason.
	case codes.Unavailable, codes.Aborted, codes.Internal, codes.Unknown, codes.Canceled:
		return true
	}
	return false
}

// withRequestID gives a copy with a request_id of its own, where the request takes one and has none.
func withRequestID(request any) any {
	message, ok := request.(proto.Message)
	if !ok {
		return request
	}
	field := message.ProtoReflect().Descriptor().Fields().ByName("request_id")
	if field == nil || message.ProtoReflect().Get(field).String() != "" {
		return request
	}
	copied := proto.Clone(message)
	copied.ProtoReflect().Set(field, protoreflect.ValueOfString(rand.Text()))
	return copied
}

// backoff doubles from base to limit; the half of it is chance, so that clients that failed together do not come back together.
func backoff(base, limit time.Duration, failures int) time.Duration {
	doubled := min(limit, base<<min(failures, 16))
	return doubled/2 + mathrand.N(doubled/2)
}

// preference is the order in which addresses are asked: the one that answered last comes first.
type preference struct {
	mu       sync.Mutex
	count    int
	first    int
	answered bool
}

func (p *preference) order() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	order := make([]int, p.count)
	for i := range order {
		order[i] = (p.first + i) % p.count
	}
	return order
}

func (p *preference) worked(index int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.first, p.answered = index, true
}

// everAnswered tells whether any did: then nobody who listens is a controller that restarts, and no wrong address.
func (p *preference) everAnswered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answered
}

// failed tells whether the next address is worth a try.
func (p *preference) failed(index int, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	var answer *Error
	if errors.As(err, &answer) {
		p.answered = true
	}
	hangs := status.Code(err) == codes.DeadlineExceeded && p.count > 1
	if hangs && p.first == index {
		p.first = (index + 1) % p.count
	}
	return hangs || mayRepeat(err)
}
