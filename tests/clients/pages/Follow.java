import com.google.gson.Gson;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Beside the pieces of docs/clients/java.md: prints what it knows of a user after each change. */
final class Follow {
    private static void show(Map<String, Page.State> states) {
        Map<String, List<Object>> shown = new TreeMap<>();
        for (Page.State state : states.values()) {
            if (!state.deleted()) {
                shown.put(state.channel(), List.of(state.lastRead(), state.mentions()));
            }
        }
        System.out.println(new Gson().toJson(shown));
    }

    public static void main(String[] arguments) {
        long user = Long.parseLong(arguments[0]);
        new Page.ReadStates(Page.connect(), user, Follow::show).run();
    }
}
