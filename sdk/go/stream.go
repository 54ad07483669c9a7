package locum

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func isDeadline(err error) bool { return status.Code(err) == codes.DeadlineExceeded }

// NewStream is what the generated clients call. Only the opening is tried on each address; what breaks later is opened again by its
// reader (FollowEvents).
func (c *conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	opening := &opening{conn: c, left: c.prefer.order(), open: func(index int) (grpc.ClientStream, error) {
		return c.conns[index].NewStream(ctx, desc, method, options...)
	}}
	if err := opening.next(); err != nil {
		return nil, err
	}
	return opening, nil
}

// opening is a stream that takes the next address while nothing came from the one before.
type opening struct {
	grpc.ClientStream
	conn    *conn
	open    func(index int) (grpc.ClientStream, error)
	left    []int
	index   int
	request any
	begun   bool
}

func (o *opening) next() error {
	for {
		o.index, o.left = o.left[0], o.left[1:]
		stream, err := o.open(o.index)
		if err == nil {
			o.ClientStream = stream
			return nil
		}
		err = failureOf(err)
		if !o.conn.prefer.failed(o.index, err) || len(o.left) == 0 {
			return err
		}
	}
}

// SendMsg is called once: the API has no stream of requests for clients.
func (o *opening) SendMsg(request any) error {
	o.request = request
	return ignoreEOF(o.ClientStream.SendMsg(request))
}

// ignoreEOF: grpc says EOF of a stream that has broken, and why at RecvMsg.
func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

func (o *opening) RecvMsg(message any) error {
	for {
		err := o.ClientStream.RecvMsg(message)
		if err == nil {
			o.begun = true
			o.conn.prefer.worked(o.index)
			return nil
		}
		if err == io.EOF {
			return err
		}
		err = failureOf(err)
		if o.begun || !o.conn.prefer.failed(o.index, err) || len(o.left) == 0 || o.Context().Err() != nil {
			return err
		}
		if err := o.again(); err != nil {
			return err
		}
	}
}

func (o *opening) again() error {
	if err := o.next(); err != nil {
		return err
	}
	if err := ignoreEOF(o.ClientStream.SendMsg(o.request)); err != nil {
		return failureOf(err)
	}
	return o.ClientStream.CloseSend()
}
