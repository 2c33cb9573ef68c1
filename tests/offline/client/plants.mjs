// Mistakes that a run can be told to make, each of which some counter of the oracle has to find.

const withoutKey = ({ "idempotency-key": _, ...headers }) => headers;
const withoutTag = ({ "if-match": _, ...headers }) => headers;

/** `request` is what is sent instead, `page` what is taken for the changes, `error` what the library gets to read,
 * `ends` the statuses after which a write is given up. */
export const PLANTS = {
  "": {},
  "no keys": { request: (request) => ({ ...request, headers: withoutKey(request.headers) }) },
  "creates by POST, without keys": {
    request: (request, { type, modified: { title, description, status } }) =>
      type === "insert" ? { method: "POST", path: "", headers: {}, body: { title, description, status } } : request,
  },
  "edits by PUT, without tags": {
    request: (request, { type, modified: { title, description, status, due_at } }) =>
      type === "update"
        ? { ...request, method: "PUT", headers: withoutTag(request.headers), body: { title, description, status, due_at } }
        : request,
  },
  "a task's address in the error": { error: (text, id) => `${text}: /api/v1/users/me/tasks/${id}` },
  "deletions ignored": { page: async (api, next) => withoutDeletions(await next()) },
  "updated_since for the changes": { page: changedSince },
  "an expired token ends a write": { ends: [401] },
  "writes that never pass": { cut: (request) => request.method !== "GET" },
};

const withoutDeletions = (page) => (page === "expired" ? page : { ...page, deleted: [] });

async function changedSince(api, _, cursor) {
  const since = cursor ? `&updated_since=${encodeURIComponent(cursor)}` : "";
  const { status, body } = await api.read(`?limit=100&sort=updated_at${since}`);
  if (status === 400) return "expired";
  if (status !== 200) throw new Error("the list cannot be had now");
  const newest = body.items.at(-1)?.updated_at ?? cursor;
  return { items: body.items, deleted: [], next_cursor: newest, has_more: false };
}
