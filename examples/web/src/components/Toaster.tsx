// Shows a message until it was read: not while the pointer or the focus is on it.
import { useEffect, useState } from "react";
import { say, useToast } from "../toast";
import { Icon } from "./Icon";

const SHOWN = 8_000;

export function Toaster() {
  const toast = useToast();
  const [isHeld, hold] = useState(false);
  useEffect(() => {
    if (toast === null || isHeld) return;
    const timer = setTimeout(() => say(null), SHOWN);
    return () => clearTimeout(timer);
  }, [toast, isHeld]);
  const holds = {
    onPointerEnter: () => hold(true),
    onPointerLeave: () => hold(false),
    onFocus: () => hold(true),
    onBlur: () => hold(false),
  };
  const close = (run?: () => void) => {
    hold(false);
    say(null);
    run?.();
  };
  return (
    <div role="status" className="toaster">
      {toast && (
        <div className="toast" {...holds}>
          <p>{toast.text}</p>
          {toast.action && (
            <button type="button" className="toast-action" onClick={() => close(toast.action?.run)}>
              {toast.action.label}
            </button>
          )}
          <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => close()}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
