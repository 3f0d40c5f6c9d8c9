/*
 * The conversation of the peers on Kafka Streams, exactly once (v2): states and timers in RocksDB stores
 * with changelogs, replies and audit on topics. Same as conversation.ts.
 *
 * Arguments: brokers, prefix of topics and groups, folder of the stores, session timeout in milliseconds,
 * patience of timers in milliseconds.
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

public final class Conversations {
  private static final ObjectMapper json = new ObjectMapper();
  private static final Serde<String> text = Serdes.String();
  private static final int textBytes = 400;

  public static void main(String[] arguments) {
    String prefix = arguments[1];
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, prefix + "streams");
    settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[2]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), Integer.parseInt(arguments[3]));
    settings.put(StreamsConfig.consumerPrefix("group.instance.id"), "peer");
    settings.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    long patienceMs = Long.parseLong(arguments[4]);

    Topology topology = new Topology();
    topology.addSource("messages", text.deserializer(), text.deserializer(), prefix + "streams.messages");
    topology.addProcessor("conversation", () -> new Conversation(patienceMs), "messages");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("conversations"), text, text), "conversation");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("timers"), text, text), "conversation");
    topology.addSink("replies", prefix + "streams.replies", text.serializer(), text.serializer(), "conversation");
    topology.addSink("audit", prefix + "streams.audit", text.serializer(), text.serializer(), "conversation");

    KafkaStreams streams = new KafkaStreams(topology, settings);
    streams.setUncaughtExceptionHandler(
        failure -> {
          failure.printStackTrace();
          return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.RUNNING) System.out.println("ready");
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(8))));
    streams.start();
  }

  /** One partition's conversations. */
  private static final class Conversation implements Processor<String, String, String, String> {
    private final long patienceMs;
    private ProcessorContext<String, String> context;
    private KeyValueStore<String, String> conversations;
    /** By the time they are due and the conversation, so that those that are due come first. */
    private KeyValueStore<String, String> timers;

    Conversation(long patienceMs) {
      this.patienceMs = patienceMs;
    }

    @Override
    public void init(ProcessorContext<String, String> given) {
      context = given;
      conversations = given.getStateStore("conversations");
      timers = given.getStateStore("timers");
      given.schedule(Duration.ofSeconds(1), PunctuationType.WALL_CLOCK_TIME, this::fire);
    }

    @Override
    public void process(Record<String, String> record) {
      try {
        receive(record);
      } catch (java.io.IOException broken) {
        throw new java.io.UncheckedIOException(broken);
      }
    }

    private void receive(Record<String, String> record) throws java.io.IOException {
      String key = record.key();
      JsonNode message = json.readTree(record.value());
      String said = message.get("text").asText();
      String word = said.substring(0, said.indexOf('\n'));
      String stored = conversations.get(key);
      ObjectNode state = stored == null ? fresh() : (ObjectNode) json.readTree(stored);
      String from = state.get("state").asText();
      long count = state.get("count").asLong() + 1;
      state.put("count", count);
      String words;
      boolean setsTimer = true;
      switch (from) {
        case "greeting" -> {
          state.put("state", "naming");
          words = "Hello, what is your name?";
        }
        case "naming" -> {
          state.put("state", "choosing").put("name", word);
          words = "Welcome, " + word + ". Choose 1, 2 or 3.";
        }
        default -> {
          words = state.get("name").asText() + ", you chose " + word + ".";
          setsTimer = word.equals("3");
        }
      }
      String to = state.get("state").asText();
      if (setsTimer) setTimer(key, state);
      conversations.put(key, json.writeValueAsString(state));
      ObjectNode reply = json.createObjectNode();
      reply.put("message", message.get("id").asText());
      reply.put("text", padded(count + " " + to + ": " + words + " "));
      context.forward(record.withValue(json.writeValueAsString(reply)), "replies");
      ObjectNode audit = json.createObjectNode();
      audit.put("message", message.get("id").asText()).put("from", from).put("to", to).put("at", record.timestamp());
      context.forward(record.withValue(json.writeValueAsString(audit)), "audit");
    }

    /** A later timer takes the place of the one before. */
    private void setTimer(String key, ObjectNode state) {
      if (state.has("timer")) timers.delete(state.get("timer").asText());
      String timer = String.format("%015d/%s", context.currentSystemTimeMs() + patienceMs, key);
      timers.put(timer, key);
      state.put("timer", timer);
    }

    private void fire(long now) {
      try (KeyValueIterator<String, String> due = timers.range(null, String.format("%015d", now))) {
        while (due.hasNext()) {
          var timer = due.next();
          timers.delete(timer.key);
          context.forward(new Record<>(timer.value, "{\"text\":\"Are you there?\"}", now), "replies");
        }
      }
    }

    private static ObjectNode fresh() {
      return json.createObjectNode().put("state", "greeting").put("name", "").put("count", 0);
    }

    private static String padded(String words) {
      return words + ".".repeat(Math.max(0, textBytes - words.length()));
    }
  }
}
