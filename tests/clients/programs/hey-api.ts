// What a page does first, with @hey-api/openapi-ts and TanStack Query.
import { InfiniteQueryObserver, MutationObserver, QueryClient } from "@tanstack/react-query";
import { createTask, type UpdateTaskError } from "./generated/hey-api";
import { createTaskMutation, listTasksInfiniteOptions, updateTaskMutation } from "./generated/hey-api/@tanstack/react-query.gen";
import { client } from "./generated/hey-api/client.gen";
import { api, print, token } from "./surroundings";

client.setConfig({ baseUrl: api, auth: token });
const queries = new QueryClient();
const path = { user_id: "me" };

const created = await createTask({ path, body: { title: "Water the plants" } });
if (created.error) throw new Error(created.error.code);
const etag = created.response?.headers.get("ETag") ?? null;
const task = created.data;
await new MutationObserver(queries, createTaskMutation({ path })).mutate({ path, body: { title: "Feed the cat" } });

const list = new InfiniteQueryObserver(queries, {
  ...listTasksInfiniteOptions({ path, query: { limit: 1, sort: "created_at" } }),
  initialPageParam: { path },
  getNextPageParam: (page) => page.next_cursor,
});
let found = await list.fetchNextPage();
while (found.hasNextPage) found = await list.fetchNextPage();
if (found.error) throw new Error(found.error.code);
const pages = (found.data?.pages ?? []).map((page) => page.items.map(({ title }) => title));

const update = new MutationObserver(queries, updateTaskMutation({ headers: { "If-Match": task.etag } }));
const change = (title: string) => update.mutate({ path: { ...path, task_id: task.id }, body: { title } });
const changed = await change("Water the plants again");
await change("Too late").catch(() => {});
const { error } = update.getCurrentResult();
print({ etag, pages, changed: changed.title, stale: error ? advice(error) : undefined });
queries.clear();

function advice(problem: UpdateTaskError): string {
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
