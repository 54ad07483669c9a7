package locum.client;

import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;

/** The addresses in the order in which they are asked: the one that answered last comes first. */
final class Preference {
  private final int count;
  private int first;
  private boolean answered;

  Preference(int count) {
    this.count = count;
  }

  synchronized List<Integer> order() {
    List<Integer> order = new ArrayList<>(count);
    for (int i = 0; i < count; i += 1) order.add((first + i) % count);
    return order;
  }

  boolean isOnlyOne() {
    return count == 1;
  }

  synchronized void worked(int index) {
    first = index;
    answered = true;
  }

  /** Whether any ever answered: then nobody who listens is a controller that restarts, and no wrong address. */
  synchronized boolean hasAnswered() {
    return answered;
  }

  /** Whether the next address is worth a try. */
  synchronized boolean failed(int index, Failure failure) {
    if (failure.refusal() != null) answered = true;
    boolean hangs = failure.status().getCode() == Status.Code.DEADLINE_EXCEEDED && count > 1;
    if (hangs && first == index) first = (index + 1) % count;
    return hangs || failure.mayRepeat();
  }
}
