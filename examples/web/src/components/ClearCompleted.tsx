// Deletes all that is completed, in one request. There is no way back, so it asks.
import { useState } from "react";
import { Dialog } from "./Dialog";

export function ClearCompleted({ count, onClear }: { count: number; onClear: () => void }) {
  const [isAsking, ask] = useState(false);
  const tasks = count === 1 ? "one completed task" : `${count} completed tasks`;
  return (
    <div className="clear">
      <button type="button" className="link" onClick={() => ask(true)}>
        Clear completed
      </button>
      {isAsking && (
        <Dialog title={`Delete ${tasks}?`} onClose={() => ask(false)}>
          <p>They cannot be brought back.</p>
          <div className="choice">
            <button type="button" className="secondary" onClick={() => ask(false)}>
              Keep them
            </button>
            <button
              type="button"
              className="danger"
              onClick={() => {
                ask(false);
                onClear();
              }}
            >
              Delete
            </button>
          </div>
        </Dialog>
      )}
    </div>
  );
}
