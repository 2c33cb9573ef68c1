// What a page does first, with openapi-typescript's types and openapi-fetch.
import createClient from "openapi-fetch";
import type { operations, paths } from "./generated/openapi-typescript/schema";
import { api, print, token } from "./surroundings";

type Responses = operations["updateTask"]["responses"];
type ETag = Responses[200]["headers"]["ETag"];

const client = createClient<paths>({ baseUrl: api, headers: { Authorization: `Bearer ${token}` } });
const path = { user_id: "me" };

const created = await client.POST("/api/v1/users/{user_id}/tasks", { params: { path }, body: { title: "Water the plants" } });
if (created.error) throw new Error(created.error.code);
const etag: ETag | null = created.response.headers.get("ETag");
const task = created.data;
await client.POST("/api/v1/users/{user_id}/tasks", { params: { path }, body: { title: "Feed the cat" } });

const pages: string[][] = [];
for (let cursor: string | null | undefined; cursor !== null; ) {
  const query = { limit: 1, sort: "created_at" as const, ...(cursor === undefined ? {} : { cursor }) };
  const page = await client.GET("/api/v1/users/{user_id}/tasks", { params: { path, query } });
  if (page.error) throw new Error(page.error.code);
  pages.push(page.data.items.map(({ title }) => title));
  cursor = page.data.next_cursor;
}

const change = (title: string) =>
  client.PATCH("/api/v1/users/{user_id}/tasks/{task_id}", {
    params: { path: { ...path, task_id: task.id }, header: { "If-Match": task.etag } },
    body: { title },
  });
const changed = await change("Water the plants again");
const stale = await change("Too late");
print({ etag, pages, changed: changed.data?.title, stale: stale.error && advice(stale.error) });

function advice(problem: NonNullable<typeof stale.error>): string {
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
