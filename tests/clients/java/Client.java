import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.BuilderFactory;
import redis.clients.jedis.CommandArguments;
import redis.clients.jedis.CommandObject;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.JedisPubSub;
import redis.clients.jedis.Pipeline;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.RedisProtocol;
import redis.clients.jedis.Response;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisException;

/** A chat backend's Jedis client, told what to do on stdin: see tests/integration/client.py. */
final class Client {
    private static final int MESSAGE_WAIT_S = 30;
    private static final int SUBSCRIBE_WAIT_S = 30;
    private static final int RECONNECT_MS = 50;
    private static final int THREADS = 16;

    private static final class Request {
        String doing;
        List<String> arguments;
        List<List<String>> commands;
        String channel;
    }

    /** A thread that reads one channel, and subscribes anew where the connection is lost. */
    private static final class Feed extends JedisPubSub implements Runnable {
        private final RedisClient redis;
        private final String channel;
        private final CountDownLatch ready = new CountDownLatch(1);
        private final BlockingQueue<String> messages = new LinkedBlockingQueue<>();
        private final Thread thread = new Thread(this);

        Feed(RedisClient redis, String channel) {
            this.redis = redis;
            this.channel = channel;
        }

        @Override
        public void run() {
            while (true) {
                try {
                    redis.subscribe(this, channel);
                    return;
                } catch (JedisConnectionException lost) {
                    try {
                        Thread.sleep(RECONNECT_MS);
                    } catch (InterruptedException stopped) {
                        return;
                    }
                }
            }
        }

        @Override
        public void onSubscribe(String from, int count) {
            ready.countDown();
        }

        @Override
        public void onMessage(String from, String message) {
            messages.add(message);
        }
    }

    private final RedisClient redis;
    private final ExecutorService pool = Executors.newFixedThreadPool(THREADS);
    private Feed feed;

    private Client(RedisClient redis) {
        this.redis = redis;
    }

    private static CommandObject<Object> command(List<String> words) {
        byte[] name = words.get(0).getBytes(StandardCharsets.UTF_8);
        CommandArguments command = new CommandArguments(() -> name);
        for (String word : words.subList(1, words.size())) {
            command.add(word);
        }
        return new CommandObject<>(command, BuilderFactory.AGGRESSIVE_ENCODED_OBJECT);
    }

    private static Map<String, Object> map(String key, Object value) {
        Map<String, Object> map = new java.util.HashMap<>();
        map.put(key, value);
        return map;
    }

    private static Map<String, Object> failure(JedisException failure) {
        boolean isLost = failure instanceof JedisConnectionException;
        return map(isLost ? "lost" : "error", failure.getMessage());
    }

    private Map<String, Object> execute(List<String> words) {
        try {
            return map("reply", redis.executeCommand(command(words)));
        } catch (JedisException failure) {
            return failure(failure);
        }
    }

    private List<Map<String, Object>> pipeline(List<List<String>> commands) {
        List<Response<Object>> responses = new ArrayList<>();
        try (Pipeline pipe = redis.pipelined()) {
            for (List<String> words : commands) {
                responses.add(pipe.executeCommand(command(words)));
            }
        }
        List<Map<String, Object>> answers = new ArrayList<>();
        for (Response<Object> response : responses) {
            try {
                answers.add(map("reply", response.get()));
            } catch (JedisException failure) {
                answers.add(failure(failure));
            }
        }
        return answers;
    }

    private List<Map<String, Object>> parallel(List<List<String>> commands)
            throws InterruptedException, ExecutionException {
        List<Future<Map<String, Object>>> asked = new ArrayList<>();
        for (List<String> words : commands) {
            asked.add(pool.submit(() -> execute(words)));
        }
        List<Map<String, Object>> answers = new ArrayList<>();
        for (Future<Map<String, Object>> answer : asked) {
            answers.add(answer.get());
        }
        return answers;
    }

    private Map<String, Object> subscribe(String channel) throws InterruptedException {
        feed = new Feed(redis, channel);
        feed.thread.start();
        if (!feed.ready.await(SUBSCRIBE_WAIT_S, TimeUnit.SECONDS)) {
            return map("lost", "not subscribed");
        }
        return map("channel", channel);
    }

    private Map<String, Object> message() throws InterruptedException {
        String message = feed.messages.poll(MESSAGE_WAIT_S, TimeUnit.SECONDS);
        if (message == null) {
            return map("lost", "no message");
        }
        Map<String, Object> answer = map("channel", feed.channel);
        answer.put("message", message);
        return answer;
    }

    private Map<String, Object> unsubscribe() throws InterruptedException {
        feed.unsubscribe();
        feed.thread.join();
        return map("channel", feed.channel);
    }

    private Map<String, Object> answer(Request asked)
            throws InterruptedException, ExecutionException {
        return switch (asked.doing) {
            case "command" -> execute(asked.arguments);
            case "pipeline" -> map("answers", pipeline(asked.commands));
            case "parallel" -> map("answers", parallel(asked.commands));
            case "subscribe" -> subscribe(asked.channel);
            case "message" -> message();
            case "unsubscribe" -> unsubscribe();
            default -> throw new IllegalArgumentException(asked.doing);
        };
    }

    private void run() throws IOException, InterruptedException, ExecutionException {
        Gson gson = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        InputStreamReader in = new InputStreamReader(System.in, StandardCharsets.UTF_8);
        BufferedReader lines = new BufferedReader(in);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonObject object = gson.fromJson(line, JsonObject.class);
            object.add("doing", object.get("do"));
            out.println(gson.toJson(answer(gson.fromJson(object, Request.class))));
        }
    }

    private static RedisClient connect(String[] arguments) {
        int port = Integer.parseInt(arguments[0]);
        if (arguments.length == 1) {
            return RedisClient.create("127.0.0.1", port);
        }
        RedisProtocol protocol = RedisProtocol.valueOf("RESP" + arguments[1]);
        return RedisClient.builder()
                .hostAndPort("127.0.0.1", port)
                .clientConfig(DefaultJedisClientConfig.builder().protocol(protocol).build())
                .build();
    }

    public static void main(String[] arguments)
            throws IOException, InterruptedException, ExecutionException {
        try (RedisClient redis = connect(arguments)) {
            Client client = new Client(redis);
            client.run();
            if (client.feed != null && client.feed.isSubscribed()) {
                client.unsubscribe();
            }
            client.pool.shutdown();
        }
    }
}
