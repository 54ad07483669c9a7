package locum.client;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.LongFunction;

/** When a watch has to begin anew, what the new snapshot does not have was deleted meanwhile, and is told as deleted. */
final class ResourceCursor<M extends Message> implements Cursor<M> {
  private final LongFunction<Iterator<M>> watch;
  private long revision;
  private boolean complete;
  private Set<String> known = new HashSet<>();
  private Set<String> inSnapshot = new HashSet<>();

  ResourceCursor(LongFunction<Iterator<M>> watch) {
    this.watch = watch;
  }

  @Override
  public Iterator<M> open() {
    if (revision == 0) inSnapshot = new HashSet<>();
    return watch.apply(revision);
  }

  @Override
  public List<M> saw(M message) {
    long at = (long) get(message, "revision");
    String deleted = (String) get(message, "deleted");
    String name = nameIn(message);
    if (!deleted.isEmpty()) known.remove(deleted);
    else if (!name.isEmpty()) (at == 0 ? inSnapshot : known).add(name);
    List<M> told = new ArrayList<>();
    boolean isSnapshotEnd = (boolean) get(message, "snapshot_end");
    if (isSnapshotEnd) {
      known.removeAll(inSnapshot);
      for (String gone : known) told.add(deletion(message, at, gone));
      known = inSnapshot;
    }
    // A snapshot that was cut off is taken again from its start.
    complete = complete || isSnapshotEnd;
    if (complete) revision = at;
    told.add(message);
    return told;
  }

  @Override
  public void tooOld() {
    revision = 0;
    complete = false;
  }

  private static Object get(Message message, String name) {
    return message.getField(message.getDescriptorForType().findFieldByName(name));
  }

  /** Of the resource that the message is about; empty: it is about none. */
  private static String nameIn(Message message) {
    FieldDescriptor change = message.getOneofFieldDescriptor(message.getDescriptorForType().getOneofs().get(0));
    if (change == null || change.getJavaType() != FieldDescriptor.JavaType.MESSAGE) return "";
    return (String) get((Message) message.getField(change), "name");
  }

  @SuppressWarnings("unchecked")
  private M deletion(M message, long at, String name) {
    Message.Builder made = message.newBuilderForType();
    made.setField(made.getDescriptorForType().findFieldByName("revision"), at);
    made.setField(made.getDescriptorForType().findFieldByName("deleted"), name);
    return (M) made.build();
  }
}
