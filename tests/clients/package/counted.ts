// The environment of a scenario: a fetch that counts and names requests, and one that keeps cookies as a browser does.

const { API = "", TOKEN = "", REFRESH_TOKEN = "", AUTH = "", SCENARIO = "" } = process.env;
export const environment = { API, TOKEN, REFRESH_TOKEN, AUTH, SCENARIO };

const network = globalThis.fetch;

type Counts = Record<string, number> & { all: number };
type Fetch = (request: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** `counts` has how many requests were sent of each method and path, and in all. */
export function counted(): { fetch: Fetch; counts: Counts } {
  const counts: Counts = { all: 0 };
  const counting: Fetch = (given, init) => {
    const request = new Request(given, init);
    const name = `${request.method} ${new URL(request.url).pathname}`;
    counts.all += 1;
    counts[name] = (counts[name] ?? 0) + 1;
    request.headers.set("X-Name", `${counts.all}`); // by which the proxy of tests/offline decides
    return network(request);
  };
  return { fetch: counting, counts };
}

/** What a page of that origin sends, with the cookies that it was given. */
export function withCookies(origin: string) {
  let cookies = "";
  const { fetch: counting, counts } = counted();
  const withThem: Fetch = (given, init) => {
    const request = new Request(given, init);
    request.headers.set("Origin", origin);
    request.headers.set("Cookie", cookies);
    return counting(request);
  };
  const post = async (path: string, body: object) => {
    const headers = { "Content-Type": "application/json" };
    const response = await withThem(origin + path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(await response.text());
    cookies = response.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
  };
  return { fetch: withThem, counts, post };
}

/** What a page of another origin than the API's sends: the cookie only where it is asked to, and CORS allows that. */
export function ofPage(origin: string): Fetch {
  let kept = "";
  return async (given, init) => {
    const request = new Request(given, init);
    const isAsked = request.credentials === "include";
    request.headers.set("Origin", origin);
    if (isAsked && kept) request.headers.set("Cookie", kept);
    const response = await network(request);
    if (!isAsked) return response;
    if (response.headers.get("Access-Control-Allow-Credentials") !== "true") throw new TypeError("Failed to fetch");
    for (const cookie of response.headers.getSetCookie()) kept = cookie.includes("Max-Age=0") ? "" : (cookie.split(";")[0] ?? "");
    return response;
  };
}

export async function lastOf<Item>(items: AsyncIterable<Item>): Promise<Item> {
  let last: Item | undefined;
  for await (const item of items) last = item;
  if (last === undefined) throw new Error("there is none");
  return last;
}
