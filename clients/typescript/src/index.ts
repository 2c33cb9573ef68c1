// The Todo API: openapi-fetch's typed operations, and around them what every frontend needs.
import createClient, { type Client } from "openapi-fetch";
import { isProblem, ProblemError, take, UnreachableError } from "./problems.js";
import { type Limits, LIMITS, pause } from "./repeat.js";
import type { components, paths } from "./schema.js";
import { type TokenSource, tokens } from "./tokens.js";
import { transport } from "./transport.js";

export * from "./problems.js";
export type { Limits } from "./repeat.js";
export type { components, operations, paths } from "./schema.js";
export { betterAuth, localAccounts, type RefreshTokenStore, type TokenSource } from "./tokens.js";

type Tasks = paths["/api/v1/users/{user_id}/tasks"]["get"]["parameters"];
type Changes = components["schemas"]["TaskChanges"];
export type Task = components["schemas"]["TaskRead"];
export type TaskQuery = Omit<NonNullable<Tasks["query"]>, "cursor">;

export interface TodoOptions {
  /** The origin of the API, or a prefix on the page's own: `https://api.example.com`, `/todo`. */
  baseUrl: string;
  /** Where access tokens are from: `betterAuth(…)`, `localAccounts(…)`, or a function of your own. */
  token: TokenSource;
  /** How often, and for how long, a request is repeated. */
  limits?: Partial<Limits>;
  /** Stands in for the platform's. */
  fetch?: (request: Request) => Promise<Response>;
}

export interface Following {
  /** The `next_cursor` that was kept; without one it begins with all tasks. */
  cursor?: string | undefined;
  /** Milliseconds between two looks at the feed. Without it, it ends where the feed does now. */
  every?: number;
  signal?: AbortSignal | undefined;
}

/** A page of the feed. `reset`: this one begins anew, so drop your copy before you take it in. */
export type ChangesPage = Changes & { reset: boolean };

export interface TodoClient extends Client<paths> {
  /** All tasks that pass the filters, page after page as they are needed. Throws ProblemError. */
  pages(query?: TaskQuery): AsyncGenerator<Task, void, undefined>;
  /** What was created, changed and deleted, page after page. Throws ProblemError. */
  changes(following?: Following): AsyncGenerator<ChangesPage, void, undefined>;
}

/** Makes a client. One for a page: it keeps the token and the entity tags that it has seen. */
export function createTodoClient(options: TodoOptions): TodoClient {
  const { baseUrl, token, limits, fetch = (request: Request) => globalThis.fetch(request) } = options;
  const client = createClient<paths>({
    baseUrl,
    fetch: transport(tokens(token), fetch, { ...LIMITS, ...limits }, token.usesCookie),
  });
  const path = { user_id: "me" };

  async function* pages(query: TaskQuery = {}) {
    for (let cursor: { cursor?: string } | null = {}; cursor !== null; ) {
      const params: { path: typeof path; query: typeof query } = { path, query: { ...query, ...cursor } };
      const page = await take(client.GET("/api/v1/users/{user_id}/tasks", { params }));
      yield* page.items;
      cursor = page.next_cursor === null ? null : { cursor: page.next_cursor };
    }
  }

  async function* changes({ cursor, every, signal = new AbortController().signal }: Following = {}) {
    for (let reset = cursor === undefined; !signal.aborted; ) {
      const params = { path, query: cursor === undefined ? {} : { cursor } };
      let page: Changes | undefined;
      try {
        page = await take(client.GET("/api/v1/users/{user_id}/tasks/changes", { params, signal }));
      } catch (error) {
        if (signal.aborted) return;
        if (isProblem(error, "cursor_expired")) {
          cursor = undefined;
          reset = true;
          continue;
        }
        if (every === undefined || !passes(error)) throw error;
      }
      if (page !== undefined) {
        yield { ...page, reset };
        cursor = page.next_cursor;
        reset = false;
        if (page.has_more) continue;
      }
      if (every === undefined) return;
      await pause(every, signal).catch(() => {});
    }
  }

  return Object.assign(client, { pages, changes });
}

/** Whether whoever follows for long waits, and asks again. */
function passes(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof ProblemError && error.problem.status === 503);
}
