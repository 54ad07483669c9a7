package locum.client;

import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import locum.v1.AccessServiceGrpc;
import locum.v1.AuditServiceGrpc;
import locum.v1.ClusterServiceGrpc;
import locum.v1.EnrolmentServiceGrpc;
import locum.v1.EventServiceGrpc;
import locum.v1.FenceServiceGrpc;
import locum.v1.HookServiceGrpc;
import locum.v1.PolicyServiceGrpc;
import locum.v1.PoolServiceGrpc;
import locum.v1.RunServiceGrpc;
import locum.v1.ServerServiceGrpc;

/**
 * The services of the API over all controllers. Safe for use by several threads.
 *
 * <p>A change gets a {@code request_id} and is repeated with the same one after any lost answer, so it happens once. Stubs of other kinds
 * (futures, observers, coroutines) do the same when they are made with {@link #channel()}.
 */
public final class Locum implements AutoCloseable {
  private final Controllers controllers;

  private Locum(Controllers controllers) {
    this.controllers = controllers;
  }

  /** Connects without TLS and without a token. Nothing is dialled before the first call. {@code addresses}: {@code host:port}, at least one. */
  public static Locum connect(String... addresses) {
    return builder(addresses).connect();
  }

  /** @param addresses {@code host:port} of each controller, at least one */
  public static Builder builder(String... addresses) {
    return new Builder(List.of(addresses));
  }

  /** How to connect. All of it has a default. */
  public static final class Builder {
    private final List<String> addresses;
    private Duration timeout = Duration.ofSeconds(10);
    private ChannelCredentials credentials = InsecureChannelCredentials.create();
    private Supplier<String> token;
    private String actor = System.getProperty("user.name", "unknown");

    private Builder(List<String> addresses) {
      if (addresses.isEmpty()) throw new IllegalArgumentException("addresses: at least one host:port");
      this.addresses = addresses;
    }

    /** For one call with all its repetitions. Default: 10 s. A deadline of the call goes before it; streams have none. */
    public Builder timeout(Duration timeout) {
      this.timeout = Objects.requireNonNull(timeout);
      return this;
    }

    /** {@code TlsChannelCredentials} for TLS: authorities to trust, and a certificate to show. Default: no TLS. */
    public Builder credentials(ChannelCredentials credentials) {
      this.credentials = Objects.requireNonNull(credentials);
      return this;
    }

    /** Sent as {@code authorization: Bearer …}. Default: none. */
    public Builder token(String token) {
      return token(() -> token);
    }

    /** Asked before each try, and may block; when it throws, the call fails with UNAUTHENTICATED and is not repeated. */
    public Builder token(Supplier<String> token) {
      this.token = Objects.requireNonNull(token);
      return this;
    }

    /** Who asks, for the event log. What is not printable ASCII is shown as a question mark. Default: the user of this process. */
    public Builder actor(String actor) {
      this.actor = Objects.requireNonNull(actor);
      return this;
    }

    /** @throws IllegalArgumentException a token would go over a network in plain text */
    public Locum connect() {
      for (String address : addresses) {
        if (token != null && credentials instanceof InsecureChannelCredentials && !Addresses.isLoopback(address)) {
          throw new IllegalArgumentException("a token would go to " + address + " in plain text: give TLS credentials, too");
        }
      }
      return new Locum(new Controllers(addresses, credentials, new Caller(token, actor), timeout));
    }
  }

  public PolicyServiceGrpc.PolicyServiceBlockingStub policies() {
    return PolicyServiceGrpc.newBlockingStub(controllers);
  }

  public RunServiceGrpc.RunServiceBlockingStub runs() {
    return RunServiceGrpc.newBlockingStub(controllers);
  }

  public ServerServiceGrpc.ServerServiceBlockingStub servers() {
    return ServerServiceGrpc.newBlockingStub(controllers);
  }

  public PoolServiceGrpc.PoolServiceBlockingStub pools() {
    return PoolServiceGrpc.newBlockingStub(controllers);
  }

  public EventServiceGrpc.EventServiceBlockingStub events() {
    return EventServiceGrpc.newBlockingStub(controllers);
  }

  public FenceServiceGrpc.FenceServiceBlockingStub fences() {
    return FenceServiceGrpc.newBlockingStub(controllers);
  }

  public ClusterServiceGrpc.ClusterServiceBlockingStub cluster() {
    return ClusterServiceGrpc.newBlockingStub(controllers);
  }

  public AuditServiceGrpc.AuditServiceBlockingStub audit() {
    return AuditServiceGrpc.newBlockingStub(controllers);
  }

  public AccessServiceGrpc.AccessServiceBlockingStub access() {
    return AccessServiceGrpc.newBlockingStub(controllers);
  }

  public EnrolmentServiceGrpc.EnrolmentServiceBlockingStub enrolment() {
    return EnrolmentServiceGrpc.newBlockingStub(controllers);
  }

  public HookServiceGrpc.HookServiceBlockingStub hooks() {
    return HookServiceGrpc.newBlockingStub(controllers);
  }

  /** For stubs of other kinds, and services that have no method here. */
  public Channel channel() {
    return controllers;
  }

  /** Gives up what is under way, with CANCELLED, and closes all connections. */
  @Override
  public void close() {
    controllers.close();
  }

  boolean isClosed() {
    return controllers.isClosed();
  }
}
