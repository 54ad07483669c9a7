package locum.client;

import io.grpc.Attributes;
import io.grpc.ClientStreamTracer;
import io.grpc.Metadata;

/** Whether there was a connection for a try: without one, nothing can have been sent. */
final class Connection extends ClientStreamTracer.Factory {
  private volatile boolean made;

  boolean isMade() {
    return made;
  }

  @Override
  public ClientStreamTracer newClientStreamTracer(ClientStreamTracer.StreamInfo info, Metadata headers) {
    return new ClientStreamTracer() {
      @Override
      public void streamCreated(Attributes transport, Metadata sent) {
        made = true;
      }
    };
  }
}
