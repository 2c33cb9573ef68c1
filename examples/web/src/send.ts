// How a write is sent: each under its key, so that it has its effect once however often it is sent.
import { DeletedSinceError, isProblem, take } from "todo-api-client";
import { clientFor, type Task } from "./api";
import type { Changes, Entry } from "./outbox";

/** Somebody else has changed the same of the task: the person decides. */
export class ConflictError extends Error {
  override readonly name = "ConflictError";
  constructor(readonly theirs: Task) {
    super("somebody else was faster");
  }
}

// The tags that a task had by writes from here, one after the other: whoever saw one of them knows the last.
const ours = new Map<string, string[]>();

/** The task as the API has it then, null where it is gone. Throws ConflictError, and what the client throws. */
export async function send(entry: Entry): Promise<Task | null> {
  try {
    return await sent(entry);
  } catch (error) {
    if (error instanceof DeletedSinceError) return null;
    throw error;
  }
}

async function sent({ userId, key, write }: Entry): Promise<Task | null> {
  const todo = clientFor(userId);
  const keyed = { "Idempotency-Key": key };
  if (write.kind === "clear") {
    const params = { path: { user_id: userId }, query: { status: ["completed" as const] }, header: keyed };
    await take(todo.DELETE("/api/v1/users/{user_id}/tasks", { params }));
    return null;
  }
  // With the user's own id and not `me`: should another tab have signed somebody else in, this is 403 and not theirs.
  const path = { user_id: userId, task_id: write.task.id };
  const read = () => take(todo.GET(ONE, { params: { path } }));

  if (write.kind === "add" || write.kind === "restore") {
    const { title, description, status, due_at, created_at } = write.task;
    const body = { title, description, status, due_at, ...(write.kind === "restore" && { created_at }) };
    const header = { ...keyed, "If-None-Match": "*" as const };
    // It is there: an earlier attempt was done, and its key is forgotten.
    const made = await take(todo.PUT(ONE, { params: { path, header }, body })).catch(unless("precondition_failed", read));
    return wrote(made, "");
  }

  const tagged = (tag: string) => ({ ...keyed, ...(tag && { "If-Match": tag }) });
  const attempt = async (tag: string): Promise<Task | null> => {
    const params = { path, header: tagged(tag) };
    if (write.kind === "edit") return wrote(await take(todo.PATCH(ONE, { params, body: write.changes })), tag);
    await take(todo.DELETE(ONE, { params })).catch(unless("not_found", async () => undefined));
    return null;
  };
  return attempt(latest(write.task)).catch(
    unless("precondition_failed", async () => {
      const theirs = await read();
      const isDecision = write.kind === "delete" || collides(write.changes, write.task, theirs);
      if (isDecision) throw new ConflictError(theirs);
      return attempt(theirs.etag);
    }),
  );
}

const ONE = "/api/v1/users/{user_id}/tasks/{task_id}";

function latest({ id, etag }: Task): string {
  const tags = ours.get(id) ?? [];
  return etag === "" || tags.includes(etag) ? (tags.at(-1) ?? "") : etag;
}

function wrote(task: Task, before: string): Task {
  const tags = ours.get(task.id) ?? [];
  ours.set(task.id, tags.at(-1) === before ? [...tags, task.etag] : [before, task.etag]);
  return task;
}

function unless<Other>(code: "precondition_failed" | "not_found", then: () => Promise<Other>) {
  return (error: unknown): Promise<Other> => {
    if (isProblem(error, code)) return then();
    throw error;
  };
}

/** Whether they have changed what is changed here, to something else. */
function collides(changes: Changes, seen: Task, theirs: Task): boolean {
  const fields = Object.keys(changes) as (keyof Changes)[];
  return fields.some((field) => !isSame(theirs[field], seen[field]) && !isSame(theirs[field], changes[field]));
}

/** Times are written in more ways than one. */
function isSame(one: string | null | undefined, other: string | null | undefined): boolean {
  return one === other || (Boolean(one && other) && Date.parse(one ?? "") === Date.parse(other ?? ""));
}
