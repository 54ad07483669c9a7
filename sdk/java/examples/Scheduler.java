import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import locum.client.Follow;
import locum.client.Locum;
import locum.client.Refusal;
import locum.v1.ListEventsRequest;
import locum.v1.Run;
import locum.v1.RunState;
import locum.v1.StartPolicyRequest;

/**
 * {@code java -cp … Scheduler.java POLICY EVERY [SLOTS] [HOST:PORT,…]}: a scheduler of its own starts a policy once for each slot of time,
 * such as {@code policies/report PT1M}, and waits for its end before it takes the next one.
 *
 * <p>Two of these may run at once, and one may be restarted at any moment: the slot is the request_id, so the controllers start one run
 * for it, whoever asks, and however often, within an hour. Both follow it, and both say how it ended. Exit code 1: a run failed.
 */
public final class Scheduler {
  private static final Map<String, RunState> ENDS = Map.of(
      "RUN_SUCCEEDED", RunState.RUN_STATE_SUCCEEDED,
      "RUN_FAILED", RunState.RUN_STATE_FAILED,
      "RUN_STOPPED", RunState.RUN_STATE_STOPPED);

  private final Locum locum;
  private final String policy;

  private Scheduler(Locum locum, String policy) {
    this.locum = locum;
    this.policy = policy;
  }

  /** Whether the run of this slot succeeded. */
  private boolean play(Instant slot) {
    var newest = ListEventsRequest.newBuilder().setAbout(policy).setPageSize(1).build();
    long before = locum.events().listEvents(newest).getPosition();
    var start = StartPolicyRequest.newBuilder().setName(policy).setRequestId(policy + "@" + slot).build();
    Run run = locum.policies().startPolicy(start).getRun();
    System.out.println(slot + " " + run.getName() + " started");
    RunState end = ENDS.containsValue(run.getState()) ? run.getState() : endOf(run.getName(), before);
    System.out.println(slot + " " + run.getName() + " " + end);
    return end == RunState.RUN_STATE_SUCCEEDED;
  }

  private RunState endOf(String run, long before) {
    try (var events = Follow.events(locum, run, before)) {
      return events.stream().map(message -> ENDS.get(message.getEvent().getType())).filter(Objects::nonNull).findFirst().orElseThrow();
    }
  }

  private static Instant after(Instant now, Duration every) {
    long slots = Math.floorDiv(now.toEpochMilli(), every.toMillis());
    return Instant.ofEpochMilli((slots + 1) * every.toMillis());
  }

  public static void main(String[] words) throws InterruptedException {
    if (words.length < 2) {
      System.err.println("Scheduler.java POLICY EVERY [SLOTS] [HOST:PORT,…]");
      System.exit(2);
    }
    Duration every = Duration.parse(words[1]);
    long slots = words.length > 2 ? Long.parseLong(words[2]) : Long.MAX_VALUE;
    String[] addresses = (words.length > 3 ? words[3] : "127.0.0.1:7400").split(",");
    boolean good = true;
    try (Locum locum = Locum.builder(addresses).timeout(Duration.ofMinutes(1)).connect()) {
      Scheduler scheduler = new Scheduler(locum, words[0]);
      for (long played = 0; played < slots; played += 1) {
        Instant slot = after(Instant.now(), every);
        TimeUnit.MILLISECONDS.sleep(Math.max(0, Duration.between(Instant.now(), slot).toMillis()));
        good = scheduler.play(slot) && good;
      }
    } catch (StatusRuntimeException failure) {
      System.err.println(Refusal.of(failure).map(refusal -> refusal.reason() + ": ").orElse("") + failure.getStatus().getDescription());
      good = false;
    }
    System.exit(good ? 0 : 1);
  }
}
