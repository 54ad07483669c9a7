import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.grpc.ChannelCredentials;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.AbstractStub;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import locum.client.Fence;
import locum.client.FencedException;
import locum.client.Follow;
import locum.client.Locum;
import locum.client.Pages;
import locum.client.PolicyContext;
import locum.client.Refusal;
import locum.client.UnreachableException;

/** Does what sdk/conformance says, one line of JSON a command. */
public final class Player {
  private static final Gson GSON = new Gson();

  private final Map<Integer, Locum> clients = new ConcurrentHashMap<>();
  private final Map<Integer, Follow<?>> follows = new ConcurrentHashMap<>();
  private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();

  private record Command(
      int id, String does, JsonObject words) {
    static Command of(String line) {
      JsonObject words = JsonParser.parseString(line).getAsJsonObject();
      return new Command(words.get("id").getAsInt(), words.get("do").getAsString(), words);
    }

    String text(String name) {
      return words.get(name).getAsString();
    }

    /** 0: not said. */
    long millis(String name) {
      return words.has(name) ? words.get(name).getAsLong() : 0;
    }

    boolean says(String name) {
      return words.has(name) && words.get(name).getAsBoolean();
    }
  }

  private static synchronized void tell(Command command, Map<String, ?> what) {
    JsonObject told = GSON.toJsonTree(what).getAsJsonObject();
    told.addProperty("id", command.id());
    System.out.println(told);
  }

  private static Map<String, ?> failureOf(RuntimeException failure) {
    Refusal refusal = Refusal.of(failure).orElse(null);
    if (refusal != null) {
      List<?> violations = refusal.fieldViolations().stream()
          .map(each -> Map.of("field", each.field(), "description", each.description()))
          .toList();
      return Map.of("refused",
          Map.of("reason", refusal.reason(), "resource", refusal.resource(), "fieldViolations", violations));
    }
    if (failure.getCause() instanceof UnreachableException) return Map.of("failed", "UNREACHABLE");
    if (failure instanceof StatusRuntimeException status) {
      return Map.of("failed", status.getStatus().getCode().name(), "message", status.toString());
    }
    return Map.of("failed", failure.toString());
  }

  private Locum client(Command command) {
    return clients.get(command.words().get("client").getAsInt());
  }

  private AbstractStub<?> stub(Command command) {
    Locum locum = client(command);
    return switch (command.text("service")) {
      case "PolicyService" -> locum.policies();
      case "RunService" -> locum.runs();
      case "ServerService" -> locum.servers();
      case "PoolService" -> locum.pools();
      case "EventService" -> locum.events();
      case "FenceService" -> locum.fences();
      case "ClusterService" -> locum.cluster();
      case "AccessService" -> locum.access();
      default -> throw new IllegalArgumentException(command.text("service"));
    };
  }

  /** A method of a generated stub, as one that takes and gives any message. */
  private static Function<Message, Message> caller(AbstractStub<?> stub, Method method) {
    return request -> (Message) invoke(stub, method, request);
  }

  private static Object invoke(AbstractStub<?> stub, Method method, Message request) {
    try {
      return method.invoke(stub, request);
    } catch (InvocationTargetException thrown) {
      throw (RuntimeException) thrown.getCause();
    } catch (IllegalAccessException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static Method method(AbstractStub<?> stub, Command command) {
    String name = command.text("method").substring(0, 1).toLowerCase() + command.text("method").substring(1);
    return Arrays.stream(stub.getClass().getMethods()).filter(each -> each.getName().equals(name)).findFirst().orElseThrow();
  }

  private static Message request(Method method, Command command) {
    return request(method, command.words().getAsJsonObject("request"));
  }

  private static Message request(Method method, JsonObject json) {
    try {
      Message.Builder made = (Message.Builder) method.getParameterTypes()[0].getMethod("newBuilder").invoke(null);
      JsonFormat.parser().merge(json.toString(), made);
      return made.build();
    } catch (ReflectiveOperationException | InvalidProtocolBufferException wrong) {
      throw new IllegalArgumentException(wrong);
    }
  }

  private static ChannelCredentials credentials(Command command) throws IOException {
    TlsChannelCredentials.Builder made = TlsChannelCredentials.newBuilder();
    if (command.words().has("ca")) made.trustManager(bytes(command.text("ca")));
    if (command.words().has("cert")) made.keyManager(bytes(command.text("cert")), bytes(command.text("key")));
    return made.build();
  }

  private static InputStream bytes(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  private Map<String, ?> connect(Command command) throws IOException {
    List<String> addresses = new ArrayList<>();
    command.words().get("addresses").getAsJsonArray().forEach(each -> addresses.add(each.getAsString()));
    Locum.Builder builder = Locum.builder(addresses.toArray(String[]::new)).timeout(Duration.ofMillis(command.millis("timeoutMs")));
    if (command.says("tls")) builder.credentials(credentials(command));
    if (command.words().has("token")) builder.token(command.text("token"));
    clients.put(command.id(), builder.connect());
    return Map.of("client", command.id());
  }

  private Map<String, ?> call(Command command) throws InvalidProtocolBufferException {
    AbstractStub<?> stub = stub(command);
    if (command.millis("timeoutMs") > 0) stub = stub.withDeadlineAfter(command.millis("timeoutMs"), TimeUnit.MILLISECONDS);
    Method method = method(stub, command);
    Context.CancellableContext context = Context.current().withCancellation();
    if (command.millis("cancelAfterMs") > 0) {
      clock.schedule(() -> context.cancel(null), command.millis("cancelAfterMs"), TimeUnit.MILLISECONDS);
    }
    Context previous = context.attach();
    try {
      Message answer = caller(stub, method).apply(request(method, command));
      return Map.of("answer", JsonParser.parseString(JsonFormat.printer().print(answer)));
    } finally {
      context.detach(previous);
    }
  }

  private Map<String, ?> list(Command command) {
    AbstractStub<?> stub = stub(command);
    Method method = method(stub, command);
    Function<Message, List<Message>> items = page -> {
      List<Message> found = new ArrayList<>();
      for (Object item : (List<?>) get(page, command.text("items"))) found.add((Message) item);
      return found;
    };
    return Map.of("names", Pages.each(caller(stub, method), request(method, command), items)
        .map(item -> (String) get(item, "name"))
        .toList());
  }

  private static Object get(Message message, String name) {
    FieldDescriptor field = message.getDescriptorForType().findFieldByName(name);
    return message.getField(field);
  }

  private Map<String, ?> follow(Command command) {
    try (var events = Follow.events(client(command), command.text("about"), Long.parseUnsignedLong(command.text("after")))) {
      follows.put(command.words().get("client").getAsInt(), events);
      events.stream()
          .filter(message -> message.hasEvent())
          .forEach(message -> tell(command, Map.of("event", message.getEvent().getName())));
    }
    return Map.of("ended", true);
  }

  private Map<String, ?> watch(Command command) {
    AbstractStub<?> stub = stub(command);
    Method method = method(stub, command);
    try (var changes = Follow.<Message>resources(client(command), revision -> open(stub, method, revision))) {
      follows.put(command.words().get("client").getAsInt(), changes);
      for (Message message : changes) {
        FieldDescriptor change = message.getOneofFieldDescriptor(message.getDescriptorForType().getOneofs().get(0));
        if (change == null) continue;
        Object value = message.getField(change);
        tell(command, value instanceof Message resource ? Map.of("changed", get(resource, "name")) : Map.of("deleted", value));
      }
    }
    return Map.of("ended", true);
  }

  @SuppressWarnings("unchecked")
  private static Iterator<Message> open(AbstractStub<?> stub, Method method, long revision) {
    JsonObject request = new JsonObject();
    request.addProperty("revision", Long.toUnsignedString(revision));
    return (Iterator<Message>) invoke(stub, method, request(method, request));
  }

  private Map<String, ?> fence(Command command) {
    Map<String, String> environment = new HashMap<>();
    command.words().get("env").getAsJsonObject().entrySet().forEach(each -> environment.put(each.getKey(), each.getValue().getAsString()));
    PolicyContext attempt;
    try {
      attempt = PolicyContext.fromEnvironment(environment);
    } catch (IllegalStateException outside) {
      return Map.of("outside", true);
    }
    Map<String, String> told = Map.of(
        "policy", attempt.policy(), "run", attempt.run(), "epoch", Long.toUnsignedString(attempt.epoch()));
    try {
      new Fence(client(command), attempt).assertCurrent();
      return Map.of("context", told, "verdict", "current");
    } catch (FencedException fenced) {
      return Map.of("context", told, "verdict", "fenced");
    }
  }

  private Map<String, ?> answer(Command command) throws IOException {
    return switch (command.does()) {
      case "connect" -> connect(command);
      case "call" -> call(command);
      case "list" -> list(command);
      case "follow" -> follow(command);
      case "watch" -> watch(command);
      case "fence" -> fence(command);
      case "close" -> {
        client(command).close();
        yield Map.of("closed", true);
      }
      default -> throw new IllegalArgumentException(command.does());
    };
  }

  private void play(Command command) {
    try {
      if (command.does().equals("end")) follows.get(command.words().get("client").getAsInt()).close();
      else tell(command, answer(command));
    } catch (RuntimeException failure) {
      tell(command, failureOf(failure));
    } catch (IOException impossible) {
      tell(command, failureOf(Status.INTERNAL.withCause(impossible).asRuntimeException()));
    }
  }

  public static void main(String[] words) throws IOException {
    Player player = new Player();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      Command command = Command.of(line);
      Thread thread = new Thread(() -> player.play(command));
      thread.setDaemon(true);
      thread.start();
    }
    System.exit(0);
  }
}
