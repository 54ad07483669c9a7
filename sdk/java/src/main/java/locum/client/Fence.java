package locum.client;

import locum.v1.CheckFenceRequest;
import locum.v1.CheckFenceResponse;

/**
 * Asks whether an attempt may still act. A check says what was true a moment ago. What must never be written twice has to compare
 * {@link #token()} in the write itself (docs/guarantees.md).
 */
public final class Fence {
  private final Locum locum;
  private final PolicyContext attempt;

  /** Of the attempt that this process is. {@link PolicyContext#fromEnvironment()} says what it throws. */
  public Fence(Locum locum) {
    this(locum, PolicyContext.fromEnvironment());
  }

  public Fence(Locum locum, PolicyContext attempt) {
    this.locum = locum;
    this.attempt = attempt;
  }

  /** LOCUM_EPOCH; unsigned. */
  public long token() {
    return attempt.epoch();
  }

  public PolicyContext attempt() {
    return attempt;
  }

  /** Asks the controllers. Where they can't be asked nothing is known, and the careful go on as if fenced. */
  public CheckFenceResponse check() {
    return locum.fences().checkFence(CheckFenceRequest.newBuilder()
        .setPolicy(attempt.policy())
        .setRun(attempt.run())
        .setEpoch(attempt.epoch())
        .build());
  }

  /** @throws FencedException the attempt was superseded, or has ended */
  public void assertCurrent() {
    CheckFenceResponse answer = check();
    if (!answer.getCurrent()) throw new FencedException(answer);
  }
}
