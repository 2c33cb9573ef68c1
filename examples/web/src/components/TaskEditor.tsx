// A task's title and due time, in place of its row: Enter saves, Escape leaves it as it was.
import type { FormEvent, KeyboardEvent } from "react";
import type { Task } from "../api";
import { fromInput, toInput } from "../due";
import type { Changes } from "../outbox";

interface Props {
  task: Task;
  onSave: (changes: Changes) => void;
  onClose: () => void;
}

export function TaskEditor({ task, onSave, onClose }: Props) {
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const title = String(given.get("title")).trim();
    const due = String(given.get("due"));
    const changes = {
      ...(title && title !== task.title && { title }),
      ...(due !== toInput(task.due_at) && { due_at: fromInput(due) }),
    };
    if (Object.keys(changes).length > 0) onSave(changes);
    onClose();
  }
  const leave = (event: KeyboardEvent) => event.key === "Escape" && onClose();
  return (
    <form className="editor" onSubmit={submit} onKeyDown={leave} aria-label={`Edit: ${task.title}`}>
      <input name="title" aria-label="Title" defaultValue={task.title} maxLength={200} autoComplete="off" autoFocus />
      <label>
        Due
        <input name="due" type="datetime-local" defaultValue={toInput(task.due_at)} />
      </label>
      <button type="button" className="secondary" onClick={onClose}>
        Cancel
      </button>
      <button type="submit" className="primary">
        Save
      </button>
    </form>
  );
}
