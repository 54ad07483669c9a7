package locum.client;

/**
 * There was no connection to any address, so nothing was sent: nobody listens, or TLS was refused. It is the cause of the
 * {@code StatusRuntimeException} (UNAVAILABLE) by which the call fails.
 */
public final class UnreachableException extends RuntimeException {
  private static final long serialVersionUID = 1;

  UnreachableException(String message, Throwable cause) {
    super(message, cause);
  }
}
