package locum.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** One channel over several controllers. A call that may not have arrived is repeated, with the same request_id. */
final class Controllers extends Channel implements AutoCloseable {
  private static final int LARGEST_ANSWER_BYTES = 64 << 20;

  private final List<ManagedChannel> channels;
  private final Caller caller;
  private final Duration timeout;
  private final Preference preference;
  private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(task -> {
    Thread thread = new Thread(task, "locum-client");
    thread.setDaemon(true);
    return thread;
  });
  private volatile boolean closed;

  Controllers(List<String> addresses, ChannelCredentials credentials, Caller caller, Duration timeout) {
    this.channels = addresses.stream().map(address -> open(address, credentials)).toList();
    this.caller = caller;
    this.timeout = timeout;
    this.preference = new Preference(addresses.size());
  }

  private static ManagedChannel open(String address, ChannelCredentials credentials) {
    return Grpc.newChannelBuilder(address, credentials)
        .keepAliveTime(10, TimeUnit.SECONDS)
        .keepAliveTimeout(5, TimeUnit.SECONDS)
        .maxInboundMessageSize(LARGEST_ANSWER_BYTES)
        // Repeated here, with a request_id. grpc's own retries would know nothing of other addresses.
        .disableRetry()
        .disableServiceConfigLookUp()
        .proxyDetector(target -> null)
        .build();
  }

  @Override
  public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
    CallOptions known = options.getCredentials() == null ? options.withCallCredentials(caller) : options;
    // A stream of requests can't be sent again by somebody who has not kept it; clients have none in this API.
    if (!method.getType().clientSendsOneMessage()) return channel(preference.order().get(0)).newCall(method, known);
    return new RepeatedCall<>(this, method, known);
  }

  @Override
  public String authority() {
    return channels.get(0).authority();
  }

  Preference preference() {
    return preference;
  }

  Duration timeout() {
    return timeout;
  }

  /** A channel that is connected, connecting, or ready to connect at once: pauses between tries are made here, not in it. */
  ManagedChannel channel(int index) {
    ManagedChannel channel = channels.get(index);
    if (channel.getState(false) == ConnectivityState.TRANSIENT_FAILURE) channel.enterIdle();
    return channel;
  }

  /** Runs it by then, or now when this is closed meanwhile. */
  ScheduledFuture<?> after(Duration wait, Runnable task) {
    try {
      return clock.schedule(task, wait.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException closing) {
      task.run();
      return null;
    }
  }

  boolean isClosed() {
    return closed;
  }

  @Override
  public void close() {
    closed = true;
    channels.forEach(ManagedChannel::shutdownNow);
    // What waits for its turn finds everything closed, and says so to its caller.
    clock.shutdownNow().forEach(Runnable::run);
  }
}
