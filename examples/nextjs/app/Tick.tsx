// In the browser the same client, on the page's own origin: Next passes on what it sends.
"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { betterAuth, createTodoClient, type Task, type TodoClient } from "todo-api-client";

let known: { userId: string; todo: TodoClient } | undefined;

/** One for each person: signing out and in does not load the page anew, and a client keeps its token. */
function clientFor(userId: string): TodoClient {
  if (known?.userId !== userId) {
    const token = betterAuth(`${location.origin}/api/auth`);
    known = { userId, todo: createTodoClient({ baseUrl: location.origin, token }) };
  }
  return known.todo;
}

export function Tick({ task, userId }: { task: Task; userId: string }) {
  const router = useRouter();
  const [wrong, setWrong] = useState(false);

  async function change(isDone: boolean) {
    // The tag is of what is shown: whoever was faster is not overwritten, and the page is read anew.
    const params = { path: { user_id: userId, task_id: task.id }, header: { "If-Match": task.etag } };
    const body = { status: isDone ? ("completed" as const) : ("pending" as const) };
    const { error } = await clientFor(userId).PATCH("/api/v1/users/{user_id}/tasks/{task_id}", { params, body });
    setWrong(error !== undefined && error.code !== "precondition_failed" && error.code !== "not_found");
    router.refresh();
  }

  return (
    <label>
      <input type="checkbox" checked={task.status === "completed"} onChange={(event) => change(event.target.checked)} />
      {task.title}
      {wrong && <span role="alert">It was not saved.</span>}
    </label>
  );
}
