// What a page does with clients/typescript, one scenario a run: prints what came of it.
import {
  betterAuth,
  createTodoClient,
  type FieldCode,
  type FieldError,
  isProblem,
  localAccounts,
  type ProblemCode,
  ProblemError,
  SignedOutError,
  take,
  type Task,
  type TokenSource,
  UnreachableError,
} from "todo-api-client";
import { counted, environment, lastOf, ofPage, withCookies } from "./counted";

const TASKS = "/api/v1/users/{user_id}/tasks";
const TASK = "/api/v1/users/{user_id}/tasks/{task_id}";
const me = { user_id: "me" };
const { API, TOKEN, REFRESH_TOKEN, AUTH } = environment;
const signedIn: TokenSource = async () => TOKEN;

const scenarios: Record<string, () => Promise<object>> = {
  /** Whoever has seen an older version does not write over a newer one, whichever way it was seen. */
  async first_day() {
    const tab = () => createTodoClient({ baseUrl: API, token: signedIn });
    const [made, read, listed, followed, wrote] = [tab(), tab(), tab(), tab(), tab()];
    const task = await take(made.POST(TASKS, { params: { path: me }, body: { title: "Water the plants" } }));
    const params = { path: { ...me, task_id: task.id } };
    await take(read.GET(TASK, { params }));
    await all(listed.pages());
    await lastOf(followed.changes());
    await take(wrote.PATCH(TASK, { params, body: { title: "Feed the cat" } }));
    await take(made.PATCH("/api/v1/users/{user_id}", { params: { path: me }, body: { name: "Ada" } })); // tells nothing of tasks
    const late: unknown[] = [];
    for (const one of [made, read, listed, followed]) {
      const { error } = await one.PATCH(TASK, { params, body: { title: "Too late" } });
      late.push(error?.code);
    }
    const seen = await take(read.GET(TASK, { params }));
    await take(read.PATCH(TASK, { params, body: { description: `was: ${seen.title}` } }));
    const other = { path: { ...me, task_id: crypto.randomUUID() } };
    const gone = await take(read.GET(TASK, { params: other })).catch(instead);
    const { error } = await made.POST(TASKS, { params: { path: me }, body: { title: " " } });
    const short = error?.code === "validation_failed" ? error.errors?.map(inWords) : error;
    return { late, gone, short, tasks: await all(read.pages()) };
  },

  /** Whoever says what they have is told that it is current, without data and without an error. */
  async known() {
    const todo = createTodoClient({ baseUrl: API, token: signedIn });
    const { id, etag } = await take(todo.POST(TASKS, { params: { path: me }, body: { title: "Water the plants" } }));
    const params = { path: { ...me, task_id: id }, header: { "If-None-Match": etag } };
    const { data, error, response } = await todo.GET(TASK, { params });
    const taken = await take(todo.GET(TASK, { params })).catch((thrown: unknown) => thrown instanceof TypeError);
    const tag = response.headers.get("ETag") === etag;
    return { status: response.status, tag, none: data === undefined && error === undefined, taken };
  },

  async writes_in_order() {
    let written: Promise<unknown> = Promise.resolve();
    // A list that is under way meanwhile comes late: it is older than what was written.
    const late = async (request: Request) => {
      const response = await fetch(request);
      if (request.method === "GET") await written;
      return response;
    };
    const todo = createTodoClient({ baseUrl: API, token: signedIn, fetch: late });
    const { id } = await take(todo.POST(TASKS, { params: { path: me }, body: { title: "0" } }));
    const path = { ...me, task_id: id };
    let seen = () => {};
    written = new Promise<void>((done) => (seen = done));
    const list = take(todo.GET(TASKS, { params: { path: me } }));
    const edits = ["1", "2", "3"].map((title) => todo.PATCH(TASK, { params: { path }, body: { title } }));
    const edited = await Promise.all(edits);
    await take(todo.PATCH(TASKS, { params: { path: me, query: { id: [id] } }, body: { title: "4" } }));
    seen();
    const listed = (await list).items.length;
    const last = await todo.DELETE(TASK, { params: { path } });
    return { listed, edited: edited.map(({ data }) => data?.title), deleted: last.response.status };
  },

  async pages_and_changes() {
    const todo = createTodoClient({ baseUrl: API, token: signedIn });
    for (const title of ["1", "2", "3"]) await take(todo.POST(TASKS, { params: { path: me }, body: { title } }));
    const listed = await all(todo.pages({ sort: "title", limit: 2 }));
    const first = await lastOf(todo.changes());
    const one = listed[0]?.id ?? "";
    // The tag is known from the page: no If-Match is written here.
    await take(todo.PATCH(TASK, { params: { path: { ...me, task_id: one } }, body: { status: "completed" } }));
    await take(todo.DELETE(TASK, { params: { path: { ...me, task_id: listed[1]?.id ?? "" } } }));
    const found: [string[], number, boolean][] = [];
    const end = new AbortController();
    for await (const page of todo.changes({ cursor: first.next_cursor, every: 10, signal: end.signal })) {
      found.push([page.items.map(({ title }) => title), page.deleted.length, page.reset]);
      if (found.length === 2) end.abort();
    }
    const anew: [number, boolean][] = [];
    for await (const page of todo.changes({ cursor: "bG9zdA", every: 10 })) {
      if (anew.push([page.items.length, page.reset]) === 2) break;
    }
    return { listed: listed.map(({ title }) => title), found, anew };
  },

  /** A page's "clear completed", its tabs' numbers, and writing many that must be as they were seen. */
  async many_at_once() {
    const { fetch, counts } = counted();
    const keys = new Set<string | null>();
    const sent = async (request: Request) => {
      if (request.method !== "GET") keys.add(request.headers.get("Idempotency-Key"));
      return fetch(request);
    };
    const todo = createTodoClient({ baseUrl: API, token: signedIn, fetch: sent });
    const [params, counting] = [{ path: me }, `${TASKS}/counts`] as const;
    const empty = await take(todo.GET(TASKS, { params })); // has a tag of its own, which is none of a row
    const none = await take(todo.DELETE(TASKS, { params: { ...params, query: { status: ["completed"] } } }));
    const made: Task[] = [];
    for (const title of ["1", "2", "3"]) made.push(await take(todo.POST(TASKS, { params, body: { title } })));
    const etags = Object.fromEntries(made.slice(0, 2).map(({ id, etag }) => [id, etag]));
    // One of one's own that is under way is waited for: its tag is not the one that was seen.
    const edit = todo.PATCH(TASK, { params: { path: { ...me, task_id: made[2]?.id ?? "" } }, body: { title: "third" } });
    const completed = { etags, set: { status: "completed" } } as const;
    const first = await take(todo.PATCH(TASKS, { params, body: completed }));
    const { error } = await todo.PATCH(TASKS, { params, body: completed });
    const stale = error?.code === "precondition_failed" ? error.errors?.map(({ code }) => code) : error;
    const other = await take(todo.PATCH(TASK, { params: { path: { ...me, task_id: made[0]?.id ?? "" } }, body: { title: "first" } }));
    const counted_ = await take(todo.GET(counting, { params }));
    const page = await take(todo.GET(TASKS, { params: { ...params, query: { include_counts: true, limit: 1 } } }));
    const gone = await take(todo.DELETE(TASKS, { params: { ...params, query: { status: ["completed"] } } }));
    const left = (await all(todo.pages())).map(({ title }) => title);
    const edited = (await edit).data?.title;
    const same = JSON.stringify(page.counts) === JSON.stringify(counted_);
    const numbers = [empty.items.length, none.count, first.count, gone.count, counted_.completed, counted_.pending];
    return { numbers, stale, other: other.status, same, left, edited, keys: keys.size, deletes: counts[`DELETE /api/v1/users/me/tasks`] };
  },

  /** Ten requests at once, before and after most of the token's life is over. */
  async renewed_ahead() {
    let refresh: string | null = REFRESH_TOKEN;
    const store = { read: () => refresh, write: (token: string | null) => void (refresh = token) };
    const { fetch, counts } = counted();
    const todo = createTodoClient({ baseUrl: API, token: localAccounts(API, store, fetch), fetch });
    const statuses = await ten(todo);
    const began = { ...counts };
    const now = Date.now;
    Date.now = () => now() + 13 * 60_000;
    statuses.push(...(await ten(todo)));
    const refreshed = refresh !== REFRESH_TOKEN;
    return { statuses: [...new Set(statuses)], began, then: counts, refreshed };
  },

  /** Nobody knows that the API rejects it, but for the API. */
  async rejected() {
    const { fetch, counts } = counted();
    let given = 0;
    const token = async () => ((given += 1) === 1 ? `${TOKEN}x` : TOKEN);
    const statuses = await ten(createTodoClient({ baseUrl: API, token, fetch }));
    const never = createTodoClient({ baseUrl: API, token: async () => `${TOKEN}x` });
    const { error } = await never.GET(TASKS, { params: { path: me } });
    return { statuses: [...new Set(statuses)], counts, given, rejectedTwice: error?.code };
  },

  async signed_out() {
    let kept: string | null = "nonsense";
    const store = { read: () => kept, write: (token: string | null) => void (kept = token) };
    const todo = createTodoClient({ baseUrl: API, token: localAccounts(API, store) });
    const tried = () => take(todo.GET(TASKS, { params: { path: me } })).catch((error: unknown) => error instanceof SignedOutError);
    const signedUp = await take(
      todo.POST("/api/v1/auth/sign-up", { body: { email: `${crypto.randomUUID()}@example.com`, password: "a long pass phrase" } }),
    );
    const before = [await tried(), kept, await tried()];
    kept = signedUp.refresh_token;
    const { items } = await take(todo.GET(TASKS, { params: { path: me } }));
    return { before, items };
  },

  /** The token has expired, and in another tab somebody else has signed in: a new one is theirs. */
  async another_person() {
    const account = { email: `${crypto.randomUUID()}@example.com`, password: "a long pass phrase" };
    const anybody = createTodoClient({ baseUrl: API, token: signedIn });
    const other = (await take(anybody.POST("/api/v1/auth/sign-up", { body: account }))).access_token;
    const given = [`${TOKEN}x`, other, other];
    const todo = createTodoClient({ baseUrl: API, token: async () => given.shift() ?? "" });
    const write = () =>
      todo.POST(TASKS, { params: { path: me }, body: { title: "Not theirs" } }).then(() => "done", (error: Error) => error.name);
    const thrown = [await write(), await write()];
    const theirs = createTodoClient({ baseUrl: API, token: async () => other });
    return { thrown, items: await all(theirs.pages()) };
  },

  /** The refresh token is in a cookie, and the page is of another origin. */
  async cookie() {
    const fetch = ofPage("https://app.example.com");
    const opened = () => createTodoClient({ baseUrl: API, token: localAccounts(API, undefined, fetch), fetch });
    const listed = (todo: ReturnType<typeof opened>) =>
      todo.GET(TASKS, { params: { path: me } }).then(({ response }) => response.status, (error: Error) => error.name);
    const account = { email: `${crypto.randomUUID()}@example.com`, password: "a long pass phrase" };
    const todo = opened();
    await take(todo.POST("/api/v1/auth/sign-up", { body: account }));
    const first = [await listed(todo), await listed(opened())];
    await take(todo.POST("/api/v1/auth/sign-out", { body: { refresh_token: "" } }));
    const out = await listed(opened());
    await take(todo.POST("/api/v1/auth/sign-in", { body: account }));
    return { first, out, again: await listed(opened()) };
  },

  /** The response to the deletion of the account is lost, and of the account nothing is left by which to know it. */
  async account_deleted() {
    let lost = 0;
    const losing = async (request: Request) => {
      const response = await fetch(request);
      if (request.method === "DELETE" && (lost += 1) === 1) throw new TypeError("lost");
      return response;
    };
    const todo = createTodoClient({ baseUrl: API, token: signedIn, fetch: losing });
    await take(todo.POST(TASKS, { params: { path: me }, body: { title: "Water the plants" } }));
    const { response } = await todo.DELETE("/api/v1/users/{user_id}", { params: { path: me } });
    const { error } = await todo.GET(TASKS, { params: { path: me } });
    return { status: response.status, sent: lost, after: error?.code };
  },

  /** What is in front gives a page instead: a server that passes nothing on, the sign-in of a hotel's network. */
  async another_page() {
    const page = async () => new Response("<!doctype html>", { headers: { "Content-Type": "text/html" } });
    const todo = createTodoClient({ baseUrl: API, token: signedIn, fetch: page });
    const path = { ...me, task_id: crypto.randomUUID() };
    const store = { read: () => "kept", write: (token: string | null) => print({ token }) };
    const tried: Promise<unknown>[] = [
      todo.GET(TASKS, { params: { path: me } }),
      todo.POST(TASKS, { params: { path: me }, body: { title: "Water the plants" } }),
      todo.DELETE(TASK, { params: { path } }),
      betterAuth(API, page)(),
      localAccounts(API, store, page)(),
    ];
    const thrown = (error: unknown) => (error instanceof UnreachableError ? error.status : `${error}`);
    return Promise.all(tried.map((one) => one.then(() => "nothing is thrown", thrown)));
  },

  async better_auth() {
    const browser = withCookies(AUTH);
    const name = { email: `${crypto.randomUUID()}@example.com`, password: "a long pass phrase", name: "Alice" };
    const token = betterAuth(`${AUTH}/api/auth`, browser.fetch);
    const todo = createTodoClient({ baseUrl: API, token });
    const before = await todo.GET(TASKS, { params: { path: me } }).catch((error: unknown) => error instanceof SignedOutError);
    await browser.post("/api/auth/sign-up/email", name);
    const task = await take(todo.POST(TASKS, { params: { path: me }, body: { title: "Water the plants" } }));
    await take(todo.DELETE("/api/v1/users/{user_id}", { params: { path: me } }));
    const after = await todo.GET(TASKS, { params: { path: me } });
    return { before, title: task.title, after: after.error?.code, tokens: browser.counts["GET /api/auth/token"] };
  },

  /** The database is away until this says how it was told. */
  async outage() {
    const { fetch: hastily, counts } = counted();
    const hasty = createTodoClient({ baseUrl: API, token: signedIn, fetch: hastily, limits: { patience: 500 } });
    const { error, response } = await hasty.POST(TASKS, { params: { path: me }, body: { title: "Never sent again" } });
    const statuses: number[] = [];
    const told = async (request: Request) => {
      const response = await fetch(request);
      if (statuses.push(response.status) === 1) print({ code: error?.code, wait: Number(retryAfter) > 0, sent: counts.all });
      return response;
    };
    const retryAfter = response.headers.get("Retry-After");
    const todo = createTodoClient({ baseUrl: API, token: signedIn, fetch: told });
    const { title } = await take(todo.POST(TASKS, { params: { path: me }, body: { title: "Water the plants" } }));
    return { title, first: statuses[0], last: statuses.at(-1) };
  },

  /** Many writes at once, whatever happens to their requests. */
  async bad_network() {
    const { fetch, counts } = counted();
    const todo = createTodoClient({ baseUrl: API, token: signedIn, fetch, limits: { attempts: 12, patience: 60_000 } });
    const one = async (number: number) => {
      const { id } = await take(todo.POST(TASKS, { params: { path: me }, body: { title: `${number}` } }));
      const path = { ...me, task_id: id };
      await take(todo.PATCH(TASK, { params: { path }, body: { status: "completed" } }));
      if (number % 3 === 0) await take(todo.DELETE(TASK, { params: { path } }));
    };
    for (let first = 0; first < 60; first += 6) await Promise.all([0, 1, 2, 3, 4, 5].map((more) => one(first + more)));
    const listed = await all(todo.pages({ limit: 7 }));
    return { listed: listed.map(({ title }) => Number(title)).sort((a, b) => a - b), requests: counts.all };
  },
};

function print(found: object) {
  console.log(JSON.stringify(found));
}

async function all(pages: AsyncIterable<Task>): Promise<Task[]> {
  const found: Task[] = [];
  for await (const task of pages) found.push(task);
  return found;
}

async function ten(todo: ReturnType<typeof createTodoClient>): Promise<number[]> {
  const statuses = Array.from({ length: 10 }, () => todo.GET(TASKS, { params: { path: me } }).then(({ response }) => response.status));
  return Promise.all(statuses);
}

/** A field's error in words of the page's own; a code that the API has not does not compile. */
function inWords({ code, params }: FieldError): string {
  switch (code) {
    case "too_short":
      return `mindestens ${params?.min} Zeichen`;
    default:
      return code satisfies FieldCode;
  }
}

/** What a page shows for a failure; a code that the API has not does not compile. */
function instead(error: unknown): string {
  if (isProblem(error, "not_found")) return `gone: ${error.problem.status satisfies 404}`;
  if (error instanceof ProblemError) return `a problem: ${error.problem.code satisfies ProblemCode}`;
  throw error;
}

const scenario = scenarios[environment.SCENARIO];
if (scenario === undefined) throw new Error("SCENARIO names none");
print(await scenario());
