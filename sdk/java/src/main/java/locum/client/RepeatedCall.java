package locum.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * One call with all its repetitions. Each round asks every address once, until one answers. Of a stream only the opening is tried, once on
 * each address; what breaks later is opened again by its reader ({@link Follow}).
 *
 * <p>Whoever holds the lock may start a try: its own callbacks come from an executor.
 */
final class RepeatedCall<Q, A> extends ClientCall<Q, A> {
  /** How long one of several addresses may take: one that hangs must not use up the time in which the next one answers. */
  private static final Duration TRY = Duration.ofSeconds(3);
  private static final Status HUNG = Status.UNAVAILABLE.withDescription("no connection within " + TRY.toSeconds() + " s");

  private final Controllers controllers;
  private final MethodDescriptor<Q, A> method;
  private final CallOptions options;
  private final boolean isStream;
  private final Context context = Context.current();

  private Listener<A> listener;
  private Metadata headers;
  private Q request;
  private int requested;
  private ClientCall<Q, A> current;
  private Iterator<Integer> left;
  private int failedRounds;
  /** Of several failures of a round, one that may have arrived somewhere tells more than one that did not. */
  private Failure worst;
  private ScheduledFuture<?> pause;
  private boolean cancelled;
  private boolean ended;

  RepeatedCall(Controllers controllers, MethodDescriptor<Q, A> method, CallOptions options) {
    this.controllers = controllers;
    this.method = method;
    this.isStream = !method.getType().serverSendsOneMessage();
    boolean isLimited = isStream || options.getDeadline() != null || context.getDeadline() != null;
    this.options = isLimited ? options : options.withDeadlineAfter(controllers.timeout().toNanos(), TimeUnit.NANOSECONDS);
  }

  @Override
  public synchronized void start(Listener<A> listener, Metadata headers) {
    this.listener = listener;
    this.headers = headers;
  }

  @Override
  public synchronized void request(int count) {
    requested += count;
    if (current != null) current.request(count);
  }

  @Override
  public synchronized void sendMessage(Q message) {
    request = RequestId.in(message);
  }

  @Override
  public synchronized void halfClose() {
    beginRound();
  }

  @Override
  public void cancel(String message, Throwable cause) {
    ClientCall<Q, A> trying;
    synchronized (this) {
      cancelled = true;
      trying = current;
      if (pause != null) pause.cancel(false);
    }
    if (trying != null) trying.cancel(message, cause);
    else executor().execute(() -> end(Status.CANCELLED.withDescription(message).withCause(cause), new Metadata()));
  }

  private Executor executor() {
    return options.getExecutor() == null ? ForkJoinPool.commonPool() : options.getExecutor();
  }

  private synchronized void beginRound() {
    pause = null;
    worst = null;
    left = controllers.preference().order().iterator();
    if (!cancelled) ask();
  }

  private synchronized void ask() {
    Try asked = new Try(left.next());
    CallOptions tried = options.withStreamTracerFactory(asked.connection);
    boolean isLimited = !controllers.preference().isOnlyOne();
    if (isLimited && !isStream) tried = tried.withDeadline(earlier(Deadline.after(TRY.toNanos(), TimeUnit.NANOSECONDS)));
    Metadata copy = new Metadata();
    copy.merge(headers);
    Context previous = context.attach();
    try {
      current = controllers.channel(asked.index).newCall(method, tried);
      current.start(asked, copy);
      current.request(requested);
      current.sendMessage(request);
      current.halfClose();
    } finally {
      context.detach(previous);
    }
    if (isLimited && isStream) asked.limitConnecting(current);
  }

  private Deadline earlier(Deadline deadline) {
    return options.getDeadline() == null ? deadline : deadline.minimum(options.getDeadline());
  }

  private void finished(Try asked, Status status, Metadata trailers) {
    if (status.isOk()) {
      asked.deliver();
      end(status, trailers);
      return;
    }
    Failure failure = Failure.of(asked.hung ? HUNG : status, trailers, asked.connection.isMade());
    Failure told = afterFailure(asked, failure);
    if (told != null) end(told.status(), told.trailers());
  }

  /** Asks again, or gives the failure that is told. */
  private synchronized Failure afterFailure(Try asked, Failure failure) {
    current = null;
    boolean another = !asked.begun && controllers.preference().failed(asked.index, failure);
    if (worst == null || !failure.isUnreachable()) worst = failure;
    if (controllers.isClosed()) return new Failure(Status.CANCELLED.withDescription("the client was closed"), new Metadata(), null);
    if (!another || isGivenUp()) return failure;
    if (left.hasNext()) {
      ask();
      return null;
    }
    Duration wait = worst.pause(failedRounds);
    if (isStream || !isWorthAnotherRound() || !hasTimeFor(wait)) return worst;
    failedRounds += 1;
    pause = controllers.after(wait, this::beginRound);
    return null;
  }

  private boolean isGivenUp() {
    return cancelled || context.isCancelled() || !hasTimeFor(Duration.ZERO);
  }

  private boolean hasTimeFor(Duration wait) {
    return isLongerThan(wait, options.getDeadline()) && isLongerThan(wait, context.getDeadline());
  }

  private static boolean isLongerThan(Duration wait, Deadline deadline) {
    return deadline == null || deadline.timeRemaining(TimeUnit.NANOSECONDS) > wait.toNanos();
  }

  private boolean isWorthAnotherRound() {
    Preference preference = controllers.preference();
    // Nobody listens, or TLS is refused. Where nobody ever answered, that is the answer.
    if (worst.isUnreachable() && failedRounds == 0 && !preference.hasAnswered()) return false;
    boolean hung = worst.status().getCode() == Status.Code.DEADLINE_EXCEEDED && !preference.isOnlyOne();
    return worst.mayRepeat() || hung;
  }

  private void end(Status status, Metadata trailers) {
    synchronized (this) {
      if (ended) return;
      ended = true;
    }
    listener.onClose(status, trailers);
  }

  /** One try on one address. An answer of a call is kept until it is complete: one that breaks off is asked for again. */
  private final class Try extends Listener<A> {
    private final int index;
    private final Connection connection = new Connection();
    private volatile boolean hung;
    private boolean begun;
    private Metadata answerHeaders = new Metadata();
    private A answer;

    Try(int index) {
      this.index = index;
    }

    void limitConnecting(ClientCall<Q, A> call) {
      controllers.after(TRY, () -> {
        if (connection.isMade()) return;
        hung = true;
        call.cancel("no connection", null);
      });
    }

    @Override
    public void onHeaders(Metadata headers) {
      answerHeaders = headers;
    }

    @Override
    public void onMessage(A message) {
      if (!isStream) {
        answer = message;
        return;
      }
      if (!begun) deliver();
      listener.onMessage(message);
    }

    /** What came before the end of a call, or before the first message of a stream. */
    void deliver() {
      controllers.preference().worked(index);
      if (!begun) listener.onHeaders(answerHeaders);
      begun = true;
      if (answer != null) listener.onMessage(answer);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      finished(this, status, trailers);
    }
  }
}
