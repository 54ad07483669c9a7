package locum.client;

import java.util.Iterator;
import java.util.List;
import locum.v1.WatchEventsRequest;
import locum.v1.WatchEventsResponse;

final class EventCursor implements Cursor<WatchEventsResponse> {
  private final Locum locum;
  private final String about;
  private long after;
  private boolean allowGap;

  EventCursor(Locum locum, String about, long after) {
    this.locum = locum;
    this.about = about;
    this.after = after;
  }

  @Override
  public Iterator<WatchEventsResponse> open() {
    return locum.events().watchEvents(
        WatchEventsRequest.newBuilder().setAbout(about).setAfter(after).setAllowGap(allowGap).build());
  }

  @Override
  public List<WatchEventsResponse> saw(WatchEventsResponse message) {
    if (message.getPosition() != 0) {
      after = message.getPosition();
      allowGap = false;
    }
    return List.of(message);
  }

  @Override
  public void tooOld() {
    allowGap = true;
  }
}
