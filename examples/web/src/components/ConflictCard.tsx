// Another tab or person was faster with the same task: both are shown, and the person decides.
import { inWords } from "../due";
import type { Changes, Conflict } from "../outbox";

interface Props {
  conflict: Conflict;
  onDecide: (conflict: Conflict, keep: "theirs" | "mine") => void;
}

export function ConflictCard({ conflict, onDecide }: Props) {
  const { theirs, entry } = conflict;
  const changes = entry.write.kind === "edit" ? entry.write.changes : null;
  return (
    <div className="conflict" role="group" aria-label={`“${theirs.title}” was changed elsewhere`}>
      <p role="alert">
        <strong>Somebody was faster.</strong> This task was changed elsewhere after you saw it.
      </p>
      <dl>
        <dt>Theirs</dt>
        <dd>{described({ title: theirs.title, ...only(changes, theirs) })}</dd>
        <dt>Yours</dt>
        <dd>{changes === null ? "deleted" : described(changes)}</dd>
      </dl>
      <button type="button" className="secondary" onClick={() => onDecide(conflict, "theirs")}>
        Keep theirs
      </button>
      <button type="button" className="primary" onClick={() => onDecide(conflict, "mine")}>
        {changes === null ? "Delete it" : "Keep mine"}
      </button>
    </div>
  );
}

/** Of theirs what is changed here too. */
function only(changes: Changes | null, { status, due_at }: Conflict["theirs"]): Changes {
  return { ...(changes?.status && { status }), ...(changes?.due_at !== undefined && { due_at }) };
}

function described({ title, status, due_at }: Changes): string {
  const due = due_at === undefined ? undefined : due_at === null ? "not due" : `due ${inWords(due_at).toLowerCase()}`;
  const stands = status && { pending: "open", in_progress: "in progress", completed: "completed" }[status];
  return [title && `“${title}”`, stands, due].filter(Boolean).join(", ");
}
