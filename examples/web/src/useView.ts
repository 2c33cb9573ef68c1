// What is looked at, a tab and a search, kept in the address: a reload and a bookmark show the same.
import { useCallback, useSyncExternalStore } from "react";
import { type Filter, TABS } from "./lists";

const CHANGED = "viewchange";

export function useView(): [Filter, (change: Partial<Filter>) => void] {
  const search = useSyncExternalStore(subscribe, () => location.search);
  const found = new URLSearchParams(search);
  const tab = TABS.find((one) => one === found.get("tab")) ?? "all";
  const q = found.get("q") ?? "";
  const change = useCallback((change: Partial<Filter>) => {
    const params = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(change)) params.set(name, value);
    for (const [name, value] of [...params]) if (value === "" || value === "all") params.delete(name);
    history.replaceState(null, "", params.size ? `?${params}` : location.pathname);
    dispatchEvent(new Event(CHANGED));
  }, []);
  return [{ tab, q }, change];
}

function subscribe(listener: () => void): () => void {
  for (const name of [CHANGED, "popstate"]) addEventListener(name, listener);
  return () => {
    for (const name of [CHANGED, "popstate"]) removeEventListener(name, listener);
  };
}
