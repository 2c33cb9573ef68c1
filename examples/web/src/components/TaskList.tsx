// The rows, and more of them as the end comes near.
import { useEffect, useRef } from "react";
import type { Task } from "../api";
import type { Conflict, Write } from "../outbox";
import { ConflictCard } from "./ConflictCard";
import { TaskRow } from "./TaskRow";

interface Props {
  tasks: Task[];
  waiting: ReadonlySet<string>;
  conflicts: Conflict[];
  onWrite: (write: Write) => void;
  onDecide: (conflict: Conflict, keep: "theirs" | "mine") => void;
}

export function TaskList({ tasks, waiting, conflicts, onWrite, onDecide }: Props) {
  const of = new Map(conflicts.map((conflict) => [conflict.theirs.id, conflict]));
  const listed = new Set(tasks.map(({ id }) => id));
  return (
    <>
      {conflicts
        .filter(({ theirs }) => !listed.has(theirs.id))
        .map((conflict) => (
          <ConflictCard key={conflict.entry.key} conflict={conflict} onDecide={onDecide} />
        ))}
      <ul className="tasks" aria-label="Tasks">
        {tasks.map((task) => (
          <TaskRow
            key={task.id}
            task={task}
            isWaiting={waiting.has(task.id)}
            conflict={of.get(task.id)}
            onWrite={onWrite}
            onDecide={onDecide}
          />
        ))}
      </ul>
    </>
  );
}

/** A button that need not be pressed: it does so itself when it comes near. */
export function More({ isLoading, onMore }: { isLoading: boolean; onMore: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(onMore);
  latest.current = onMore;
  useEffect(() => {
    const near = new IntersectionObserver((seen) => seen.at(-1)?.isIntersecting && latest.current(), {
      rootMargin: "800px",
    });
    if (button.current && !isLoading) near.observe(button.current);
    return () => near.disconnect();
  }, [isLoading]);
  return (
    <button ref={button} type="button" className="more" aria-disabled={isLoading} onClick={onMore}>
      {isLoading ? "Loading more…" : "Show more"}
    </button>
  );
}
