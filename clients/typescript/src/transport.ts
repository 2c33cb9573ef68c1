// What every request goes through: token, idempotency key, entity tag, order of writes, repeats.
import { DeletedSinceError, UnreachableError } from "./problems.js";
import { type Arrived, type Limits, repeat } from "./repeat.js";

// What is called without a token: everything else has an owner.
const PUBLIC = /\/api\/v1\/auth\/(?!change-password)|\/health\/(live|ready)$/;
const OF_USER = /\/api\/v1\/users\/[^/]+(.*)/;

/** A fetch for openapi-fetch. Throws UnreachableError, SignedOutError and DeletedSinceError. */
export function transport(
  token: (rejected?: string) => Promise<string>,
  fetch: (request: Request) => Promise<Response>,
  limits: Limits,
) {
  const tags = new EntityTags();
  const writing = new Map<string, Promise<unknown>>();

  /** Renews the token once where the API rejects it. */
  async function authorized(request: Request, rejected?: string): Promise<Arrived> {
    const isPublic = PUBLIC.test(new URL(request.url).pathname);
    const sent = isPublic ? undefined : await token(rejected);
    if (sent !== undefined) request.headers.set("Authorization", `Bearer ${sent}`);
    const send = (signal: AbortSignal) => fetch(new Request(request.clone(), { signal }));
    const repeatable = request.method === "GET" || request.headers.has("Idempotency-Key");
    const arrived = await repeat(send, repeatable ? limits : { ...limits, attempts: 1 }, request.signal);
    const again = arrived.code === "invalid_token" && rejected === undefined && sent !== undefined;
    return again ? authorized(request, sent) : arrived;
  }

  async function whole(request: Request, resource: string): Promise<Response> {
    const since = tags.writes;
    const { response, code, text } = await authorized(request);
    if (response.status >= 400 && code === undefined)
      throw new UnreachableError(`something before the API responds ${response.status}`, response.status);
    if (response.headers.has("Idempotent-Replayed") && response.status < 204 && !text)
      throw new DeletedSinceError("the write was done, and what it wrote has been deleted since");
    tags.learn(request.method, resource, response, text, since);
    return response;
  }

  return async (request: Request): Promise<Response> => {
    const resource = OF_USER.exec(new URL(request.url).pathname)?.[1];
    if (resource === undefined) return whole(request, "");
    if (request.method === "GET") return whole(request, resource);
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
  /** How many tags came from writes. */
  writes = 0;
  readonly #tags = new Map<string, { tag: string; write: number }>();

  of(resource: string): string | undefined {
    return this.#tags.get(resource)?.tag;
  }

  /** `since` is `writes` as it was when the request began. */
  learn(method: string, resource: string, response: Response, text: string, since: number): void {
    const gone = response.status === 404 || response.status === 410;
    const found: unknown = response.status === 200 || response.status === 201 ? JSON.parse(text) : undefined;
    const many = isObject(found) && Array.isArray(found.ids) ? found.ids : undefined;
    if (many !== undefined) for (const id of many) this.#forget(`${resource}/${id}`);
    else if (gone || (response.ok && (method === "DELETE" || method === "PATCH"))) this.#forget(resource);
    if (!isObject(found)) return;
    const collection = resource.replace(/\/changes$/, "");
    const write = method === "GET" ? 0 : (this.writes += 1);
    const set = (name: string, tag: unknown) => {
      // What was read before a write of one's own, and comes after it, is old.
      const isOld = method === "GET" && (this.#tags.get(name)?.write ?? 0) > since;
      if (typeof tag === "string" && !isOld) this.#tags.set(name, { tag, write });
    };
    const rows: unknown = method === "POST" ? [found] : found.items;
    if (!Array.isArray(rows)) set(resource, response.headers.get("ETag"));
    else for (const row of rows) if (isObject(row)) set(`${collection}/${row.id}`, row.etag);
  }

  /** It, and what is below it. */
  #forget(resource: string): void {
    for (const known of this.#tags.keys()) if (isWithin(known, resource)) this.#tags.delete(known);
  }
}

function isWithin(path: string, resource: string): boolean {
  return path === resource || path.startsWith(`${resource}/`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
