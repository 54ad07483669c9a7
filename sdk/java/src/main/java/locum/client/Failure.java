package locum.client;

import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How one try failed. {@code refusal}: what a controller answered; null: nothing. */
record Failure(Status status, Metadata trailers, Refusal refusal) {
  /** @param connected whether there was a connection for it; without one nothing was sent */
  static Failure of(Status status, Metadata trailers, boolean connected) {
    Refusal refusal = Refusal.of(status, trailers).orElse(null);
    if (refusal == null && status.getCode() == Status.Code.UNAVAILABLE && !connected) {
      String why = status.getCause() == null ? status.getDescription() : status.getDescription() + ": " + status.getCause().getMessage();
      UnreachableException cause = new UnreachableException("no controller: " + why, status.getCause());
      return new Failure(status.withDescription(cause.getMessage()).withCause(cause), trailers, null);
    }
    return new Failure(status, trailers, refusal);
  }

  boolean isUnreachable() {
    return status.getCause() instanceof UnreachableException;
  }

  /** Whether the same call may do better later or elsewhere: no answer, or one that says "not now, not here". */
  boolean mayRepeat() {
    if (refusal != null) return status.getCode() == Status.Code.UNAVAILABLE && !refusal.reason().equals("AGENT_UNREACHABLE");
    return switch (status.getCode()) {
      // What grpc makes itself when a connection breaks under a call. An answer of a controller has a reason.
      case UNAVAILABLE, ABORTED, INTERNAL, UNKNOWN, CANCELLED -> true;
      default -> false;
    };
  }

  /** How long to wait before the next round. {@code failures}: rounds that failed before. */
  Duration pause(int failures) {
    if (refusal != null && refusal.retryAfter().isPresent()) return refusal.retryAfter().get();
    return backoff(Duration.ofMillis(100), Duration.ofSeconds(1), failures);
  }

  /** Doubles from base to limit; the half of it is chance, so that clients that failed together do not come back together. */
  static Duration backoff(Duration base, Duration limit, int failures) {
    long doubled = Math.min(limit.toMillis(), base.toMillis() << Math.min(failures, 16));
    return Duration.ofMillis(doubled / 2 + ThreadLocalRandom.current().nextLong(doubled / 2 + 1));
  }
}
