package locum.client;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/** Lists over all of their pages. */
public final class Pages {
  private Pages() {}

  /**
   * All items of a list, whatever the size of its pages; a page is asked for when it is needed:
   *
   * <pre>{@code Pages.each(locum.runs()::listRuns, ListRunsRequest.getDefaultInstance(), ListRunsResponse::getRunsList)}</pre>
   */
  public static <Q extends Message, P extends Message, T> Stream<T> each(
      Function<Q, P> list, Q request, Function<P, List<T>> items) {
    return Stream.iterate(list.apply(request), page -> page != null, page -> next(list, request, page))
        .flatMap(page -> items.apply(page).stream());
  }

  private static <Q extends Message, P extends Message> P next(Function<Q, P> list, Q request, P page) {
    String token = (String) page.getField(field(page, "next_page_token"));
    if (token.isEmpty()) return null;
    @SuppressWarnings("unchecked")
    Q next = (Q) request.toBuilder().setField(field(request, "page_token"), token).build();
    return list.apply(next);
  }

  private static FieldDescriptor field(Message message, String name) {
    FieldDescriptor field = message.getDescriptorForType().findFieldByName(name);
    if (field == null) throw new IllegalArgumentException(message.getDescriptorForType().getFullName() + " has no " + name);
    return field;
  }
}
