// exporter shows the runs of a cluster to Prometheus: by policy and state, from a watch and not from polling.
//
//	go run ./examples/exporter --controllers 127.0.0.1:7400 --listen 127.0.0.1:9400
//
// While no controller answers it goes on with what it knew, and locum_exporter_age_seconds grows: alert on that.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os/signal"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"

	locum "locum/sdk/go"
	locumv1 "locum/sdk/go/locum/v1"
)

// board is what is known of the runs.
type board struct {
	mu     sync.Mutex
	runs   map[string]*locumv1.Run
	seenAt time.Time
}

func (b *board) saw(message *locumv1.WatchRunsResponse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seenAt = time.Now()
	if run := message.GetRun(); run != nil {
		b.runs[run.Name] = run
	} else if name := message.GetDeleted(); name != "" {
		delete(b.runs, name)
	}
}

func (b *board) write(to io.Writer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	counts := map[string]int{}
	for _, run := range b.runs {
		state := strings.TrimPrefix(run.State.String(), "RUN_STATE_")
		counts[fmt.Sprintf("locum_exporter_runs{policy=%q,state=%q}", strings.TrimPrefix(run.Policy, "policies/"), state)]++
	}
	lines := make([]string, 0, len(counts))
	for name, count := range counts {
		lines = append(lines, fmt.Sprintf("%s %d\n", name, count))
	}
	sort.Strings(lines)
	fmt.Fprint(to, "# TYPE locum_exporter_runs gauge\n", strings.Join(lines, ""))
	if !b.seenAt.IsZero() {
		fmt.Fprintf(to, "# TYPE locum_exporter_age_seconds gauge\nlocum_exporter_age_seconds %.1f\n", time.Since(b.seenAt).Seconds())
	}
}

func watch(ctx context.Context, client *locum.Client, to *board) error {
	open := func(ctx context.Context, revision uint64) (grpc.ServerStreamingClient[locumv1.WatchRunsResponse], error) {
		return client.Runs.WatchRuns(ctx, &locumv1.WatchRunsRequest{Revision: revision})
	}
	for message, err := range locum.FollowResources(ctx, open) {
		if err != nil {
			return err
		}
		to.saw(message)
	}
	return nil
}

func main() {
	controllers := flag.String("controllers", "127.0.0.1:7400", "host:port of each controller, with commas between")
	listen := flag.String("listen", "127.0.0.1:9400", "where Prometheus asks")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	client, err := locum.Connect(strings.Split(*controllers, ","), locum.Options{})
	if err != nil {
		log.Fatal(err)
	}
	known := &board{runs: map[string]*locumv1.Run{}}
	http.HandleFunc("/metrics", func(answer http.ResponseWriter, _ *http.Request) { known.write(answer) })
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("metrics on http://%s/metrics", listener.Addr())
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	if err := watch(ctx, client, known); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
