package locum.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.ResourceInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a controller answered instead of doing it. Tell refusals apart by their reason (docs/errors.md), never by their text.
 *
 * @param reason a stable word, such as NOT_FOUND
 * @param resource the name of what it is about, such as {@code policies/web}; empty: nothing in particular
 * @param retryAfter after which time to try again, if the controller says so
 */
public record Refusal(
    String reason, String resource, List<FieldViolation> fieldViolations, Map<String, String> metadata, Optional<Duration> retryAfter) {

  /** A field that breaks a rule. */
  public record FieldViolation(String field, String description) {}

  /** Empty: no controller answered, or {@code failure} is no failure of a call. */
  public static Optional<Refusal> of(Throwable failure) {
    Metadata trailers = Status.trailersFromThrowable(failure);
    return of(Status.fromThrowable(failure), trailers == null ? new Metadata() : trailers);
  }

  /** The reason; empty: no controller answered. */
  public static String reasonOf(Throwable failure) {
    return of(failure).map(Refusal::reason).orElse("");
  }

  static Optional<Refusal> of(Status status, Metadata trailers) {
    Builder made = new Builder();
    try {
      for (Any detail : StatusProto.fromStatusAndTrailers(status, trailers).getDetailsList()) made.take(detail);
    } catch (InvalidProtocolBufferException unreadable) {
      return Optional.empty();
    }
    return made.build();
  }

  private static final class Builder {
    private ErrorInfo info = ErrorInfo.getDefaultInstance();
    private String resource = "";
    private List<FieldViolation> fieldViolations = List.of();
    private Optional<Duration> retryAfter = Optional.empty();

    void take(Any detail) throws InvalidProtocolBufferException {
      if (detail.is(ErrorInfo.class)) {
        info = detail.unpack(ErrorInfo.class);
      } else if (detail.is(ResourceInfo.class)) {
        resource = detail.unpack(ResourceInfo.class).getResourceName();
      } else if (detail.is(RetryInfo.class)) {
        com.google.protobuf.Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
        retryAfter = Optional.of(Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
      } else if (detail.is(BadRequest.class)) {
        fieldViolations = detail.unpack(BadRequest.class).getFieldViolationsList().stream()
            .map(each -> new FieldViolation(each.getField(), each.getDescription()))
            .toList();
      }
    }

    Optional<Refusal> build() {
      if (!info.getDomain().equals("locum")) return Optional.empty();
      return Optional.of(new Refusal(info.getReason(), resource, fieldViolations, info.getMetadataMap(), retryAfter));
    }
  }
}
