// What a page does first, with kubb and TanStack Query.
import { MutationObserver, QueryClient } from "@tanstack/react-query";
import { createTask, createTaskMutationOptions, listTasksQueryOptions, type UpdateTaskMutation, updateTaskMutationOptions } from "./generated/kubb";
import { print } from "./surroundings";

const queries = new QueryClient();

const created = await createTask("me", { title: "Water the plants" });
const etag = created.headers.get("ETag");
const task = created.data;
await new MutationObserver(queries, createTaskMutationOptions()).mutate({ user_id: "me", data: { title: "Feed the cat" } });

const pages: string[][] = [];
for (let cursor: string | null | undefined; cursor !== null; ) {
  const query = { limit: 1, sort: "created_at" as const, ...(cursor === undefined ? {} : { cursor }) };
  const page = await queries.fetchQuery(listTasksQueryOptions("me", query));
  pages.push(page.data.items.map(({ title }) => title));
  cursor = page.data.next_cursor;
}

const update = new MutationObserver(queries, updateTaskMutationOptions());
const change = (title: string) =>
  update.mutate({ user_id: "me", task_id: task.id, data: { title }, headers: { "If-Match": task.etag } });
const changed = await change("Water the plants again");
await change("Too late").catch(() => {});
const { error } = update.getCurrentResult();
print({ etag, pages, changed: changed.data.title, stale: error ? advice(error) : undefined });
queries.clear();

function advice(problem: UpdateTaskMutation["Errors"]): string {
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
