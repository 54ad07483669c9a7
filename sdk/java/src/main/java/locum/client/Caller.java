package locum.client;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/** Who asks, as each try says it. */
final class Caller extends CallCredentials {
  private static final Metadata.Key<String> AUTHORIZATION = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
  private static final Metadata.Key<String> ACTOR = Metadata.Key.of("x-locum-actor", Metadata.ASCII_STRING_MARSHALLER);
  private static final int LONGEST_ACTOR = 128;

  private final Supplier<String> token;
  private final String actor;

  Caller(Supplier<String> token, String actor) {
    this.token = token;
    String printable = actor.replaceAll("[^\\x20-\\x7e]", "?");
    this.actor = printable.substring(0, Math.min(printable.length(), LONGEST_ACTOR));
  }

  @Override
  public void applyRequestMetadata(RequestInfo request, Executor executor, MetadataApplier applier) {
    executor.execute(() -> {
      Metadata metadata = new Metadata();
      metadata.put(ACTOR, actor);
      try {
        if (token != null) metadata.put(AUTHORIZATION, "Bearer " + token.get());
      } catch (RuntimeException failure) {
        applier.fail(Status.UNAUTHENTICATED.withDescription("there is no token: " + failure.getMessage()).withCause(failure));
        return;
      }
      applier.apply(metadata);
    });
  }
}
