package locum

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ResourceMessage is what watches of resources send.
type ResourceMessage interface {
	proto.Message
	GetRevision() uint64
	GetSnapshotEnd() bool
	GetDeleted() string
}

// FollowResources is a watch of resources over any number of restarts and leaders. When it has to begin anew, what the new snapshot does
// not have was deleted meanwhile, and is told as deleted:
//
//	locum.FollowResources(ctx, func(ctx context.Context, revision uint64) (grpc.ServerStreamingClient[locumv1.WatchRunsResponse], error) {
//		return client.Runs.WatchRuns(ctx, &locumv1.WatchRunsRequest{Revision: revision})
//	})
func FollowResources[M any, P interface {
	*M
	ResourceMessage
}](
	ctx context.Context, open func(ctx context.Context, revision uint64) (grpc.ServerStreamingClient[M], error),
) iter.Seq2[*M, error] {
	return func(yield func(*M, error) bool) {
		seen := &snapshots{known: map[string]bool{}, inSnapshot: map[string]bool{}}
		opening := func(ctx context.Context) (grpc.ServerStreamingClient[M], error) { return open(ctx, seen.begin()) }
		saw := func(message *M) {}
		for message, err := range resuming(ctx, opening, saw, seen.tooOld) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, name := range seen.saw(P(message)) {
				if !yield(deletedLike[M, P](message, name), nil) {
					return
				}
			}
			if !yield(message, nil) {
				return
			}
		}
	}
}

func deletedLike[M any, P interface {
	*M
	ResourceMessage
}](message *M, name string) *M {
	made := P(new(M))
	fields := made.ProtoReflect().Descriptor().Fields()
	made.ProtoReflect().Set(fields.ByName("revision"), protoreflect.ValueOfUint64(P(message).GetRevision()))
	made.ProtoReflect().Set(fields.ByName("deleted"), protoreflect.ValueOfString(name))
	return (*M)(made)
}

// snapshots knows where a watch goes on, and what went while nobody could say so.
type snapshots struct {
	revision   uint64
	complete   bool
	known      map[string]bool
	inSnapshot map[string]bool
}

func (s *snapshots) begin() uint64 {
	if s.revision == 0 {
		s.inSnapshot = map[string]bool{}
	}
	return s.revision
}

func (s *snapshots) tooOld() { s.revision, s.complete = 0, false }

// saw gives the names of what is gone.
func (s *snapshots) saw(message ResourceMessage) []string {
	if deleted := message.GetDeleted(); deleted != "" {
		delete(s.known, deleted)
	} else if name := nameIn(message); name != "" && message.GetRevision() == 0 {
		s.inSnapshot[name] = true
	} else if name != "" {
		s.known[name] = true
	}
	var gone []string
	if message.GetSnapshotEnd() {
		for name := range s.known {
			if !s.inSnapshot[name] {
				gone = append(gone, name)
			}
		}
		s.known = s.inSnapshot
	}
	// A snapshot that was cut off is taken again from its start.
	s.complete = s.complete || message.GetSnapshotEnd()
	if s.complete {
		s.revision = message.GetRevision()
	}
	return gone
}

// nameIn is the name of the resource that the message is about. Empty: it is about none.
func nameIn(message ResourceMessage) string {
	reflected := message.ProtoReflect()
	field := reflected.WhichOneof(reflected.Descriptor().Oneofs().ByName("change"))
	if field == nil || field.Message() == nil {
		return ""
	}
	resource := reflected.Get(field).Message()
	return resource.Get(resource.Descriptor().Fields().ByName("name")).String()
}
