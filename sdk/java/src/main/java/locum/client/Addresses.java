package locum.client;

/** What a {@code host:port} says by itself. */
final class Addresses {
  private Addresses() {}

  static boolean isLoopback(String address) {
    String host = address.substring(0, Math.max(0, address.lastIndexOf(':')));
    return host.equals("localhost") || host.equals("[::1]") || host.matches("127(\\.\\d{1,3}){3}");
  }
}
