package locum.client;

import locum.v1.CheckFenceResponse;

/** Another attempt may be running: what is left undone must stay undone here. */
public final class FencedException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final transient CheckFenceResponse answer;

  FencedException(CheckFenceResponse answer) {
    super("fenced: " + answer.getMessage());
    this.answer = answer;
  }

  public CheckFenceResponse answer() {
    return answer;
  }
}
