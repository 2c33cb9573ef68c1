// The form of a new task. It works before the script has come, and without it.
"use client";

import { useActionState } from "react";
import { addTask } from "./actions";

/** `requestKey` is new each time the page was made. */
export function AddTask({ requestKey }: { requestKey: string }) {
  const [wrong, action, isPending] = useActionState(addTask, undefined);
  return (
    <form action={action}>
      <input type="hidden" name="key" value={requestKey} />
      <input name="title" aria-label="What is to be done?" placeholder="What is to be done?" required />
      <button type="submit" disabled={isPending}>
        Add
      </button>
      {wrong && <p role="alert">{wrong}</p>}
    </form>
  );
}
