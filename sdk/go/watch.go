package locum

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc"

	locumv1 "locum/sdk/go/locum/v1"
)

// FollowEvents is the event log as it grows, over restarts and new leaders. Nothing is left out without a word: what is no longer kept is
// in DroppedUpTo, and after a restore of the store Restored says from where it was undone. A message without Event only shows that the
// stream is alive. It begins after the event of this number; 0: only new ones. about is the name of a resource; empty: all. It ends when
// ctx does, with ctx's error, or by an error that repeating can't mend.
func FollowEvents(
	ctx context.Context, client *Client, about string, after uint64,
) iter.Seq2[*locumv1.WatchEventsResponse, error] {
	allowGap := false
	open := func(ctx context.Context) (grpc.ServerStreamingClient[locumv1.WatchEventsResponse], error) {
		request := &locumv1.WatchEventsRequest{About: about, After: after, AllowGap: allowGap}
		return client.Events.WatchEvents(ctx, request)
	}
	saw := func(message *locumv1.WatchEventsResponse) {
		if message.GetPosition() > 0 {
			after, allowGap = message.GetPosition(), false
		}
	}
	return resuming(ctx, open, saw, func() { allowGap = true })
}

// resuming opens a stream again where it stopped. tooOld is called when what follows is not kept, or was not when this reader had time
// for it.
func resuming[M any](
	ctx context.Context,
	open func(context.Context) (grpc.ServerStreamingClient[M], error),
	saw func(*M),
	tooOld func(),
) iter.Seq2[*M, error] {
	return func(yield func(*M, error) bool) {
		for failures := 0; ; failures++ {
			err := readAll(ctx, open, func(message *M) bool {
				failures = 0
				saw(message)
				return yield(message, nil)
			})
			var answer *Error
			switch {
			case errors.Is(err, errStopped):
				return
			case ctx.Err() != nil:
				yield(nil, ctx.Err())
				return
			case errors.As(err, &answer) && (answer.Reason == "REVISION_TOO_OLD" || answer.Reason == "SLOW_READER"):
				tooOld()
			case err != io.EOF && !mayRepeat(err):
				yield(nil, err)
				return
			}
			// The stream ended or broke: the controller restarts, or another one leads.
			pause(ctx, backoff(200*time.Millisecond, 2*time.Second, failures))
		}
	}
}

var errStopped = errors.New("the reader has seen enough")

func readAll[M any](
	ctx context.Context, open func(context.Context) (grpc.ServerStreamingClient[M], error), take func(*M) bool,
) error {
	ctx, cancel := context.WithCancel(ctx)
	// A reader that stops leaves no stream behind.
	defer cancel()
	stream, err := open(ctx)
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		if !take(message) {
			return errStopped
		}
	}
}
