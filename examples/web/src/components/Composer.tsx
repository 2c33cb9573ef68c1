// Adds a task: a line, and if wanted when it is due.
import { type FormEvent, useRef, useState } from "react";
import type { Task } from "../api";
import { fromInput } from "../due";
import { Icon } from "./Icon";

export function Composer({ onAdd }: { onAdd: (task: Task) => void }) {
  const title = useRef<HTMLInputElement>(null);
  const [due, setDue] = useState<string>();

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const text = title.current?.value.trim();
    if (!text) return title.current?.focus();
    onAdd(newTask(text, fromInput(due ?? "")));
    event.currentTarget.reset();
    setDue(undefined);
    title.current?.focus();
  }

  return (
    <form className="composer" onSubmit={submit} aria-label="Add a task">
      <input ref={title} aria-label="What is to be done?" placeholder="What is to be done?" maxLength={200} autoComplete="off" enterKeyHint="done" />
      <button
        type="button"
        className="icon-button"
        aria-label="Due time"
        aria-expanded={due !== undefined}
        onClick={() => setDue(due === undefined ? "" : undefined)}
      >
        <Icon name="clock" />
      </button>
      <button type="submit" className="primary">
        <Icon name="plus" />
        Add
      </button>
      {due !== undefined && (
        <label className="composer-due">
          Due
          <input type="datetime-local" value={due} onChange={(event) => setDue(event.target.value)} autoFocus />
        </label>
      )}
    </form>
  );
}

/** Its id is made here, so that it can be edited before the API has it. */
function newTask(title: string, due_at: string | null): Task {
  const now = new Date().toISOString();
  const written = { created_at: now, updated_at: now, completed_at: null, etag: "" };
  return { id: crypto.randomUUID(), title, description: null, status: "pending", due_at, ...written };
}
