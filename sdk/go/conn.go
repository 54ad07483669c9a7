package locum

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
)

// conn is one connection over several controllers. A call that may not have arrived is repeated, with the same request_id.
type conn struct {
	conns   []*grpc.ClientConn
	prefer  preference
	timeout time.Duration
}

// Invoke is what the generated clients call.
func (c *conn) Invoke(ctx context.Context, method string, request, answer any, options ...grpc.CallOption) error {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	request = withRequestID(request)
	for failures := 0; ; failures++ {
		err := c.askEach(ctx, method, request, answer, options)
		if err == nil || ctx.Err() != nil || !c.another(err, failures) {
			return err
		}
		if !pause(ctx, waitAfter(err, failures)) {
			return err
		}
	}
}

// askEach asks every address once, until one answers.
func (c *conn) askEach(ctx context.Context, method string, request, answer any, options []grpc.CallOption) error {
	var last error
	for _, index := range c.prefer.order() {
		err := c.ask(ctx, index, method, request, answer, options)
		if err == nil {
			c.prefer.worked(index)
			return nil
		}
		another := c.prefer.failed(index, err)
		var unreachable *UnreachableError
		// Of several failures, one that may have arrived somewhere tells more than one that did not.
		if last == nil || !errors.As(err, &unreachable) {
			last = err
		}
		if !another || ctx.Err() != nil {
			return err
		}
	}
	return last
}

func (c *conn) ask(ctx context.Context, index int, method string, request, answer any, options []grpc.CallOption) error {
	if len(c.conns) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, tryTimeout)
		defer cancel()
	}
	if err := c.conns[index].Invoke(ctx, method, request, answer, options...); err != nil {
		return failureOf(err)
	}
	return nil
}

// another tells whether a round in which all failed is worth one more. Where nobody ever answered, that is the answer.
func (c *conn) another(err error, failures int) bool {
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) && failures == 0 && !c.prefer.everAnswered() {
		return false
	}
	return mayRepeat(err) || len(c.conns) > 1 && isDeadline(err)
}

func waitAfter(err error, failures int) time.Duration {
	var answer *Error
	if errors.As(err, &answer) && answer.RetryAfter > 0 {
		return answer.RetryAfter
	}
	return backoff(100*time.Millisecond, time.Second, failures)
}

// pause tells whether there was time for it.
func pause(ctx context.Context, wait time.Duration) bool {
	if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
