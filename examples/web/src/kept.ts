// What is kept in this browser: the lists as they were last seen, and each write until the API has it.
import { dehydrate, hydrate, type InfiniteData, type QueryClient } from "@tanstack/react-query";
import type { Filter } from "./lists";
import type { Entry } from "./outbox";

const LISTS = "todo.lists";
const WRITES = "todo.write.";
const PAGES = 5;
let isOver = false;

/** Shows what was there last, at once, and fetches it anew. From then on it is kept, shortly after each change. */
export function keepLists(client: QueryClient): void {
  const found = localStorage.getItem(LISTS);
  if (found !== null) hydrate(client, JSON.parse(found));
  let timer: ReturnType<typeof setTimeout> | undefined;
  const save = () => {
    timer = undefined;
    if (isOver) return;
    const { queries } = dehydrate(client, {
      shouldDehydrateQuery: ({ queryKey, state }) => state.status === "success" && !isSearch(queryKey[2]),
      shouldDehydrateMutation: () => false,
    });
    const kept = queries.map(({ state, ...query }) => ({
      ...query,
      state: { ...state, data: beginning(state.data), dataUpdatedAt: 0 },
    }));
    localStorage.setItem(LISTS, JSON.stringify({ queries: kept, mutations: [] }));
  };
  addEventListener("pagehide", save);
  addEventListener("storage", ({ key, newValue }) => {
    if (key !== LISTS || newValue !== null) return;
    isOver = true; // somebody has signed out, in another tab
    localStorage.removeItem(LISTS); // what was saved here before that was known
    location.reload();
  });
  client.getQueryCache().subscribe(({ type }) => {
    if (type === "updated") timer ??= setTimeout(save, 300);
  });
}

/** Of a list's key the filter, of the counts' what is searched for. */
function isSearch(part: unknown): boolean {
  return Boolean(typeof part === "string" ? part : (part as Filter | undefined)?.q);
}

/** Of an infinite list its first pages: a browser keeps some 5 MB. */
function beginning(data: unknown): unknown {
  if (typeof data !== "object" || data === null || !("pages" in data)) return data;
  const { pages, pageParams } = data as InfiniteData<unknown>;
  return { pages: pages.slice(0, PAGES), pageParams: pageParams.slice(0, PAGES) };
}

// One item for each write, so that two tabs do not take each other's away.
const place = ({ userId, at, key }: Entry) => `${WRITES}${userId}.${at}.${key}`;

export function keepWrite(entry: Entry): void {
  localStorage.setItem(place(entry), JSON.stringify(entry));
}

export function forgetWrite(entry: Entry): void {
  localStorage.removeItem(place(entry));
}

/** In their order. */
export function keptWrites(userId: string): Entry[] {
  const places = Object.keys(localStorage).filter((name) => name.startsWith(`${WRITES}${userId}.`));
  return places.sort().map((name) => JSON.parse(localStorage.getItem(name) ?? ""));
}

/** Everything of whoever was here: nothing is kept any more before the page is loaded anew, in all tabs. */
export function forgetAll(): void {
  isOver = true;
  for (const name of Object.keys(localStorage)) if (name.startsWith("todo.")) localStorage.removeItem(name);
}
