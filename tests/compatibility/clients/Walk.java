// The walk by the JDK's HttpClient as it is: on http:// it offers HTTP/2 with its first requests. java Walk.java
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;

public class Walk {
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static final List<Integer> STATUSES = new ArrayList<>();

    static HttpResponse<String> ask(String method, String path, BodyPublisher body, String... headers) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(System.getenv("API") + path))
            .header("Authorization", "Bearer " + System.getenv("TOKEN"))
            .method(method, body);
        if (headers.length > 0) {
            request.headers(headers);
        }
        var response = CLIENT.send(request.build(), BodyHandlers.ofString());
        STATUSES.add(response.statusCode());
        return response;
    }

    static BodyPublisher text(String body) {
        return BodyPublishers.ofString(body);
    }

    public static void main(String[] arguments) throws Exception {
        String[] json = {"Content-Type", "application/json"};
        HttpResponse<String> made = null;
        for (int number = 0; number < 20; number++) {
            made = ask("POST", "/users/me/tasks", text("{\"title\": \"Task " + number + "\"}"), json);
        }
        String path = "/users/me/tasks/" + made.body().replaceFirst(".*\"id\":\"([^\"]+)\".*", "$1");
        String etag = ask("GET", path, BodyPublishers.noBody()).headers().firstValue("etag").orElse("");
        String[] matched = {"Content-Type", "application/json", "If-Match", etag};
        ask("PATCH", path, text("{\"status\": \"completed\"}"), matched);
        ask("PATCH", path, text("{\"status\": \"pending\"}"), matched);
        byte[] pieces = "{\"title\": \"In pieces\"}".getBytes();
        ask("POST", "/users/me/tasks", BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(pieces)), json);
        ask("DELETE", path, BodyPublishers.noBody());
        String title = made.body().replaceFirst(".*\"title\":\"([^\"]+)\".*", "$1");
        System.out.println("{\"statuses\": " + STATUSES + ", \"title\": \"" + title + "\"}");
    }
}
