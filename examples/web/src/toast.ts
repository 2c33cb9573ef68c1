// One short message at a time, with something that can be done about it.
import { useSyncExternalStore } from "react";

export interface Toast {
  text: string;
  action?: { label: string; run: () => void };
}

let shown: Toast | null = null;
const listeners = new Set<() => void>();

export function say(toast: Toast | null): void {
  shown = toast;
  for (const listener of listeners) listener();
}

export function useToast(): Toast | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => shown,
  );
}
