// What a page does first, with orval and its client on fetch.
import { createTask, listTasks, updateTask, type updateTaskResponseError } from "./generated/orval/client";
import { print, token } from "./surroundings";

const headers = { Authorization: `Bearer ${token}` };

const created = await createTask("me", { title: "Water the plants" }, { headers });
if (created.status !== 201) throw new Error(created.data.code);
const etag = created.headers.get("ETag");
const task = created.data;
await createTask("me", { title: "Feed the cat" }, { headers });

const pages: string[][] = [];
for (let cursor: string | null | undefined; cursor !== null; ) {
  const query = { limit: 1, sort: "created_at" as const, ...(cursor === undefined ? {} : { cursor }) };
  const page = await listTasks("me", query, { headers });
  if (page.status === 304) throw new Error("nothing was asked for that could be the same");
  if (page.status !== 200) throw new Error(page.data.code);
  pages.push(page.data.items.map(({ title }) => title));
  cursor = page.data.next_cursor;
}

const change = (title: string) =>
  updateTask("me", task.id, { title }, { headers: { ...headers, "If-Match": task.etag } });
const changed = await change("Water the plants again");
if (changed.status !== 200) throw new Error(changed.data.code);
const stale = await change("Too late");
print({ etag, pages, changed: changed.data.title, stale: stale.status === 200 ? undefined : advice(stale.data) });

function advice(problem: updateTaskResponseError["data"]): string {
  switch (problem.code) {
    case "validation_failed":
      return `show ${problem.errors?.length ?? 0} errors`;
    case "precondition_failed":
    case "not_found":
      return `read again: ${problem.status}`;
    case "missing_token":
    case "invalid_token":
    case "account_deleted":
      return "sign in";
    case "database_unavailable":
    case "keys_unavailable":
    case "overloaded":
    case "request_in_progress":
    case "body_timeout":
    case "shutting_down":
      return "wait, and send it again";
    case "forbidden":
    case "malformed_json":
    case "entity_tag_altered":
    case "body_too_large":
    case "unsupported_media_type":
    case "idempotency_key_reused":
    case "internal_error":
      return `report ${problem.request_id}`;
  }
}
