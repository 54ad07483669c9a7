package locum

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Request is a request of a list.
type Request interface {
	proto.Message
	GetPageToken() string
}

// Page is an answer of a list.
type Page interface {
	GetNextPageToken() string
}

// EachItem gives all items of a list, whatever the size of its pages; an error ends it:
//
//	for run, err := range locum.EachItem(ctx, client.Runs.ListRuns, &locumv1.ListRunsRequest{}, (*locumv1.ListRunsResponse).GetRuns)
func EachItem[Q Request, P Page, T any](
	ctx context.Context,
	list func(context.Context, Q, ...grpc.CallOption) (P, error),
	request Q,
	items func(P) []T,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		copied, _ := proto.Clone(request).(Q)
		field := copied.ProtoReflect().Descriptor().Fields().ByName("page_token")
		for {
			page, err := list(ctx, copied)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items(page) {
				if !yield(item, nil) {
					return
				}
			}
			if page.GetNextPageToken() == "" {
				return
			}
			copied.ProtoReflect().Set(field, protoreflect.ValueOfString(page.GetNextPageToken()))
		}
	}
}
