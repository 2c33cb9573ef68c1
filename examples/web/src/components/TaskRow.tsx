// One task: completed with a tick, edited in its place, deleted with a way back.
import { memo, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { Task } from "../api";
import { inWords, isToday } from "../due";
import { isOverdue } from "../lists";
import type { Conflict, Write } from "../outbox";
import { say } from "../toast";
import { ConflictCard } from "./ConflictCard";
import { Icon } from "./Icon";
import { TaskEditor } from "./TaskEditor";

interface Props {
  task: Task;
  isWaiting: boolean;
  conflict: Conflict | undefined;
  onWrite: (write: Write) => void;
  onDecide: (conflict: Conflict, keep: "theirs" | "mine") => void;
}

export const TaskRow = memo(function TaskRow({ task, isWaiting, conflict, onWrite, onDecide }: Props) {
  const row = useRef<HTMLLIElement>(null);
  const title = useRef<HTMLButtonElement>(null);
  // As it was when the person began to edit it: what comes meanwhile they have not seen.
  const [edited, edit] = useState<Task | null>(null);
  const wasEdited = useRef(false);
  useEffect(() => {
    if (wasEdited.current && edited === null) title.current?.focus();
    wasEdited.current = edited !== null;
  }, [edited]);
  useHandedOnFocus(row);

  function remove() {
    onWrite({ kind: "delete", task });
    say({ text: `Deleted “${task.title}”.`, action: { label: "Undo", run: () => onWrite({ kind: "restore", task }) } });
  }

  const isDone = task.status === "completed";
  return (
    <li ref={row} className={`task${isDone ? " is-done" : ""}${task.etag === "" ? " is-new" : ""}`}>
      {edited ? (
        <TaskEditor
          task={edited}
          onSave={(changes) => onWrite({ kind: "edit", task: edited, changes })}
          onClose={() => edit(null)}
        />
      ) : (
        <>
          <span className="tick">
            <input
              type="checkbox"
              aria-label={`Completed: ${task.title}`}
              checked={isDone}
              onChange={() => onWrite({ kind: "edit", task, changes: { status: isDone ? "pending" : "completed" } })}
            />
            <Icon name="check" />
          </span>
          <button ref={title} type="button" className="task-title" onClick={() => edit(task)}>
            <span className="visually-hidden">Edit: </span>
            {task.title}
          </button>
          <span className="chips">
            {task.status === "in_progress" && <span className="chip">In progress</span>}
            {task.due_at !== null && <DueChip task={task} due={task.due_at} />}
            {isWaiting && <span className="chip is-waiting">Not sent yet</span>}
          </span>
          <button type="button" className="icon-button" aria-label={`Delete: ${task.title}`} onClick={remove}>
            <Icon name="trash" />
          </button>
        </>
      )}
      {conflict && <ConflictCard conflict={conflict} onDecide={onDecide} />}
    </li>
  );
});

function DueChip({ task, due }: { task: Task; due: string }) {
  const isLate = isOverdue(task);
  const kind = isLate ? " is-overdue" : isToday(due) && task.status !== "completed" ? " is-today" : "";
  return (
    <time className={`chip${kind}`} dateTime={due}>
      {isLate && <span className="visually-hidden">Overdue: </span>}
      {inWords(due)}
    </time>
  );
}

/** Whoever works by keyboard stays in the list when a row goes. */
function useHandedOnFocus(row: { current: HTMLLIElement | null }) {
  useLayoutEffect(() => {
    const shown = row.current;
    return () => {
      if (!shown?.contains(document.activeElement)) return;
      const near = shown.nextElementSibling ?? shown.previousElementSibling;
      (near?.querySelector("input") ?? document.querySelector<HTMLElement>(".composer input"))?.focus();
    };
  }, [row]);
}
