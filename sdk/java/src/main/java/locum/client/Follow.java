package locum.client;

import com.google.protobuf.Message;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.Set;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import locum.v1.WatchEventsResponse;

/**
 * A watch that goes on over restarts and new leaders. It is read by one thread, once; {@link #close()} from any thread ends it, and a
 * failure that repeating can't mend is thrown by it as a {@code StatusRuntimeException}.
 *
 * <pre>{@code
 * try (var events = Follow.events(locum, "policies/web", 0)) {
 *   for (var message : events) System.out.println(message.getEvent().getMessage());
 * }
 * }</pre>
 */
public final class Follow<M> implements Iterable<M>, AutoCloseable {
  private static final Set<String> TOO_OLD = Set.of("REVISION_TOO_OLD", "SLOW_READER");

  private final Locum locum;
  private final Cursor<M> cursor;
  private final Context.CancellableContext context = Context.current().withCancellation();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Reader reader = new Reader();

  private Follow(Locum locum, Cursor<M> cursor) {
    this.locum = locum;
    this.cursor = cursor;
  }

  /**
   * The event log as it grows. Nothing is left out without a word: what is no longer kept is in {@code dropped_up_to}, and after a restore
   * of the store {@code restored} says from where it was undone. A message without an event only shows that the stream is alive.
   *
   * @param about name of a resource; empty: all
   * @param after number of the event to begin after; 0: only new ones
   */
  public static Follow<WatchEventsResponse> events(Locum locum, String about, long after) {
    return new Follow<>(locum, new EventCursor(locum, about, after));
  }

  /**
   * A watch of resources. When it has to begin anew, what the new snapshot does not have was deleted meanwhile, and is told as deleted:
   *
   * <pre>{@code
   * Follow.resources(locum, revision -> locum.runs().watchRuns(WatchRunsRequest.newBuilder().setRevision(revision).build()))
   * }</pre>
   */
  public static <M extends Message> Follow<M> resources(Locum locum, LongFunction<Iterator<M>> watch) {
    return new Follow<>(locum, new ResourceCursor<>(watch));
  }

  /** Always the same one. */
  @Override
  public Iterator<M> iterator() {
    return reader;
  }

  /** Closing the stream closes this. */
  public Stream<M> stream() {
    int traits = Spliterator.ORDERED | Spliterator.NONNULL;
    return StreamSupport.stream(Spliterators.spliteratorUnknownSize(reader, traits), false).onClose(this::close);
  }

  /** Ends it: its iterator has no more elements. */
  @Override
  public void close() {
    closed.countDown();
    context.cancel(null);
  }

  private boolean isClosed() {
    return closed.getCount() == 0;
  }

  private final class Reader implements Iterator<M> {
    private final Queue<M> told = new ArrayDeque<>();
    private Iterator<M> open;
    private int failures;

    @Override
    public boolean hasNext() {
      while (told.isEmpty() && !isClosed()) {
        if (!read()) pause();
      }
      return !isClosed();
    }

    @Override
    public M next() {
      if (!hasNext()) throw new NoSuchElementException();
      return told.remove();
    }

    /** False: the stream has ended or broken. The controller restarts, or another one leads. */
    private boolean read() {
      Context previous = context.attach();
      try {
        if (open == null) open = cursor.open();
        if (open.hasNext()) {
          told.addAll(cursor.saw(open.next()));
          failures = 0;
          return true;
        }
      } catch (StatusRuntimeException failure) {
        if (!isClosed()) judge(failure);
      } finally {
        context.detach(previous);
      }
      open = null;
      return false;
    }

    private void judge(StatusRuntimeException failure) {
      if (locum.isClosed() || Thread.currentThread().isInterrupted()) throw failure;
      if (TOO_OLD.contains(Refusal.reasonOf(failure))) cursor.tooOld();
      else if (!Failure.of(failure.getStatus(), failure.getTrailers(), true).mayRepeat()) throw failure;
    }

    private void pause() {
      Duration wait = Failure.backoff(Duration.ofMillis(200), Duration.ofSeconds(2), failures);
      failures += 1;
      try {
        closed.await(wait.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
        throw Status.CANCELLED.withDescription("the reader was interrupted").withCause(interrupted).asRuntimeException();
      }
    }
  }
}
