package locum.client;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.util.UUID;

/** What makes a repeated change happen once. */
final class RequestId {
  private RequestId() {}

  /** A copy with a request_id of its own, where the request takes one and has none. */
  static <Q> Q in(Q request) {
    if (!(request instanceof Message message)) return request;
    FieldDescriptor field = message.getDescriptorForType().findFieldByName("request_id");
    if (field == null || !message.getField(field).equals("")) return request;
    @SuppressWarnings("unchecked")
    Q copy = (Q) message.toBuilder().setField(field, UUID.randomUUID().toString()).build();
    return copy;
  }
}
