// What every request goes through: token, idempotency key, entity tag, order of writes, repeats.
import { DeletedSinceError, UnreachableError } from "./problems.js";
import { type Arrived, isJson, type Limits, repeat } from "./repeat.js";

// What is called without a token: everything else has an owner.
const PUBLIC = /\/api\/v1\/auth\/(?!change-password)|\/health\/(live|ready)$/;
// What works with the cookie, if there is one.
const OF_COOKIE = /\/api\/v1\/auth\/sign-(up|in|out)$/;
const OF_USER = /\/api\/v1\/users\/[^/]+(.*)/;

/** A fetch for openapi-fetch. Throws UnreachableError, SignedOutError and DeletedSinceError. */
export function transport(
  token: (rejected?: string) => Promise<string>,
  fetch: (request: Request) => Promise<Response>,
  limits: Limits,
  usesCookie = false,
) {
  const tags = new EntityTags();
  const writing = new Map<string, Promise<unknown>>();

  /** Renews the token once where the API rejects it. */
  async function authorized(request: Request, rejected?: string): Promise<Arrived> {
    const isPublic = PUBLIC.test(new URL(request.url).pathname);
    const sent = isPublic ? undefined : await token(rejected);
    if (sent !== undefined) request.headers.set("Authorization", `Bearer ${sent}`);
    const withCookie = usesCookie && OF_COOKIE.test(new URL(request.url).pathname);
    const init = withCookie ? ({ credentials: "include" } as const) : {};
    const send = (signal: AbortSignal) => fetch(new Request(request.clone(), { ...init, signal }));
    const repeatable = request.method === "GET" || request.headers.has("Idempotency-Key");
    const arrived = await repeat(send, repeatable ? limits : { ...limits, attempts: 1 }, request.signal);
    const again = arrived.code === "invalid_token" && rejected === undefined && sent !== undefined;
    return again ? authorized(request, sent) : arrived;
  }

  /** `resource` is what the request is about: the path below the user, undefined where it has no owner. */
  async function whole(request: Request, resource?: string): Promise<Response> {
    const since = tags.writes;
    const { response, code, text } = await authorized(request);
    if (response.status >= 400 ? code === undefined : text !== "" && !isJson(response))
      throw new UnreachableError(`something before the API responds ${response.status}`, response.status);
    // Nothing of the account is left by which its deletion is known again: it was done before.
    if (request.method === "DELETE" && resource === "" && code === "account_deleted")
      return new Response(null, { status: 204, headers: response.headers });
    if (response.headers.has("Idempotent-Replayed") && response.status < 204 && !text)
      throw new DeletedSinceError("the write was done, and what it wrote has been deleted since");
    if (resource !== undefined) tags.learn(request.method, resource, response, text, since);
    // openapi-fetch takes what has no content for an error, of an empty text, unless its length says so.
    const headers = { ...Object.fromEntries(response.headers), "content-length": "0" };
    return response.status === 304 ? new Response(null, { status: 304, headers }) : response;
  }

  return async (request: Request): Promise<Response> => {
    const resource = OF_USER.exec(new URL(request.url).pathname)?.[1];
    if (resource === undefined || request.method === "GET") return whole(request, resource);
    // One key for all repeats. Writes to one resource, and to many with it among them, go one after the other: each has
    // the tag of the one before.
    if (!request.headers.has("Idempotency-Key")) request.headers.set("Idempotency-Key", crypto.randomUUID());
    if (request.method === "POST") return whole(request, resource);
    const others = [...writing].filter(([other]) => isWithin(other, resource) || isWithin(resource, other));
    const written = Promise.all(others.map(([, other]) => other.catch(() => {}))).then(() => {
      const tag = tags.of(resource);
      const tagged = request.headers.has("If-Match") || request.headers.has("If-None-Match");
      if (tag !== undefined && !tagged) request.headers.set("If-Match", tag);
      return whole(request, resource);
    });
    writing.set(resource, written);
    return written.finally(() => writing.get(resource) === written && writing.delete(resource));
  };
}

/** The entity tag of each resource as it was seen last, by the path below the user. */
class EntityTags {
  /** How many writes there were that changed what is known. */
  writes = 0;
  /** Without a tag: what was written or deleted, and has not been read since. */
  readonly #known = new Map<string, { tag: string | undefined; write: number }>();

  of(resource: string): string | undefined {
    return this.#known.get(resource)?.tag;
  }

  /** `since` is `writes` as it was when the request began. */
  learn(method: string, resource: string, response: Response, text: string, since: number): void {
    const isWrite = method !== "GET";
    if (isWrite && response.ok) this.writes += 1;
    const write = isWrite ? this.writes : 0;
    const set = (name: string, tag?: unknown) => {
      // What was read before a write of one's own, and comes after it, is old.
      if (!isWrite && (this.#known.get(name)?.write ?? 0) > since) return;
      this.#known.set(name, { tag: typeof tag === "string" ? tag : undefined, write });
    };
    const found: unknown = response.status === 200 || response.status === 201 ? JSON.parse(text) : undefined;
    const gone = response.status === 404 || response.status === 410 || (response.ok && method === "DELETE");
    if (isObject(found)) {
      const collection = resource.replace(/\/changes$/, "");
      const rows: unknown = method === "POST" ? [found] : found.items;
      if (Array.isArray(found.ids)) for (const id of found.ids) set(`${resource}/${id}`);
      else if (!Array.isArray(rows)) set(resource, response.headers.get("ETag"));
      else for (const row of rows) if (isObject(row)) set(`${collection}/${row.id}`, row.etag);
    } else if (gone) for (const name of this.#known.keys()) if (isWithin(name, resource)) set(name);
  }
}

function isWithin(path: string, resource: string): boolean {
  return path === resource || path.startsWith(`${resource}/`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
