// Says that there is no network, or no answer, and that nothing is lost by it.
import { onlineManager } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { Icon } from "./Icon";

export function useOnline(): boolean {
  return useSyncExternalStore(
    (listener) => onlineManager.subscribe(listener),
    () => onlineManager.isOnline(),
  );
}

export function Banner({ waiting, isRepeating }: { waiting: number; isRepeating: boolean }) {
  const isOnline = useOnline();
  const kept = waiting === 1 ? "One change is kept here" : `${waiting === 0 ? "Your" : waiting} changes are kept here`;
  // The region is always there: a screen reader announces what comes into it.
  return (
    <div role="status" className="banner-region">
      {!isOnline ? (
        <p className="banner">
          <Icon name="cloud" />
          <span>
            <strong>You are offline.</strong> {kept}, and sent when you are back.
          </span>
        </p>
      ) : isRepeating ? (
        <p className="banner is-repeating">
          <Icon name="sync" />
          <span>
            <strong>The server does not answer.</strong> {waiting > 0 && `${kept}. `}Trying again…
          </span>
        </p>
      ) : null}
    </div>
  );
}
