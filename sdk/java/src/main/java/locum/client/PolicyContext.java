package locum.client;

import java.util.Map;

/**
 * What the keeper told this process of its attempt.
 *
 * @param policy {@code policies/{policy}}
 * @param run {@code runs/{run}}
 * @param epoch higher for each later attempt of a run; unsigned
 */
public record PolicyContext(String policy, String run, long epoch) {
  /** @throws IllegalStateException this does not run inside a policy: there is no attempt that could be fenced */
  public static PolicyContext fromEnvironment() {
    return fromEnvironment(System.getenv());
  }

  /** {@link #fromEnvironment()} with another environment. */
  public static PolicyContext fromEnvironment(Map<String, String> environment) {
    String policy = environment.getOrDefault("LOCUM_POLICY", "");
    String run = environment.getOrDefault("LOCUM_RUN", "");
    long epoch = epochIn(environment.getOrDefault("LOCUM_EPOCH", ""));
    if (policy.isEmpty() || run.isEmpty() || epoch == 0) {
      throw new IllegalStateException("LOCUM_POLICY, LOCUM_RUN and LOCUM_EPOCH are not set: this does not run inside a policy");
    }
    return new PolicyContext(named("policies/", policy), named("runs/", run), epoch);
  }

  /** 0: none. */
  private static long epochIn(String text) {
    try {
      return Long.parseUnsignedLong(text);
    } catch (NumberFormatException none) {
      return 0;
    }
  }

  private static String named(String collection, String id) {
    return id.startsWith(collection) ? id : collection + id;
  }
}
