// Each write waits here until the API has it: over failures, without a network, over a reload.
import {
  type MutationOptions,
  type Query,
  type QueryClient,
  useMutationState,
  useQueryClient,
} from "@tanstack/react-query";
import { useCallback } from "react";
import { isProblem, SignedOutError } from "todo-api-client";
import { type Counts, passes, pauseAfter, type Task } from "./api";
import { askAgain } from "./auth";
import { forgetWrite, keepWrite, keptWrites } from "./kept";
import { countsAfter, type Filter, listAfter, type List } from "./lists";
import { ConflictError, send } from "./send";
import { say } from "./toast";
import { whyRejected } from "./words";

export type Changes = { title?: string; status?: Task["status"]; due_at?: string | null };

/** What the person did. `task` is as they saw it, or as they made it; its tag is empty until the API has it. */
export type Write =
  | { kind: "add"; task: Task }
  | { kind: "delete"; task: Task }
  | { kind: "restore"; task: Task }
  | { kind: "edit"; task: Task; changes: Changes }
  | { kind: "clear" };

export interface Entry {
  userId: string;
  /** The Idempotency-Key, the same over all repeats, reloads and tabs. */
  key: string;
  /** Decides the order. */
  at: number;
  write: Write;
}

const KEY = ["write"];

/** One after the other, so that an edit comes after its task; again while that may help, paused without a network. */
function options(client: QueryClient): MutationOptions<Task | null, Error, Entry> {
  return {
    mutationKey: KEY,
    mutationFn: send,
    scope: { id: "outbox" },
    retry: passes,
    retryDelay: pauseAfter,
    gcTime: Number.POSITIVE_INFINITY,
    onSuccess: (task, entry) => settle(client, entry, task),
    onError: (error, entry) => reject(client, entry, error),
  };
}

let last = 0;

/** Does it: what is shown changes at once. */
export function useWrite(userId: string): (write: Write) => void {
  const client = useQueryClient();
  return useCallback(
    (write) => {
      last = Math.max(last + 1, Date.now());
      const entry = { userId, key: crypto.randomUUID(), at: last, write };
      keepWrite(entry);
      client.getMutationCache().build(client, options(client)).execute(entry).catch(ignore);
    },
    [client, userId],
  );
}

/** Takes up what was left, by this tab before a reload or by another one: as keys are kept, twice does no harm. */
export function resume(client: QueryClient, userId: string): void {
  const cache = client.getMutationCache();
  const known = new Set(cache.findAll({ mutationKey: KEY }).map(({ state }) => (state.variables as Entry).key));
  for (const entry of keptWrites(userId)) {
    if (known.has(entry.key)) continue;
    cache.build(client, options(client), { ...PAUSED, variables: entry, submittedAt: entry.at });
  }
  client.resumePausedMutations().catch(ignore);
}

const PAUSED = {
  context: undefined,
  data: undefined,
  error: null,
  failureCount: 0,
  failureReason: null,
  isPaused: true,
  status: "pending" as const,
};

// What came of a write is said by `settle` and `reject`.
const ignore = () => {};

function settle(client: QueryClient, entry: Entry, task: Task | null): void {
  forgetWrite(entry);
  show(client, entry, task);
  // A list that is under way may be older than the write; one that came between its attempts may have it already.
  const wasRepeated = mutationOf(client, entry)?.state.failureCount !== 0;
  refresh(client, entry.userId, (query) => wasRepeated || query.state.fetchStatus === "fetching");
}

function reject(client: QueryClient, entry: Entry, error: Error): void {
  // It stays, for the person to decide.
  if (error instanceof ConflictError) return show(client, entry, error.theirs);
  remove(client, entry);
  // It stays in this browser, for when they are back.
  if (error instanceof SignedOutError || isProblem(error, "forbidden", "invalid_token", "missing_token")) {
    return void askAgain(client);
  }
  forgetWrite(entry);
  say({ text: whyRejected(entry.write, error) });
  refresh(client, entry.userId);
}

/** In each list that is kept: nothing is fetched for it. */
function show(client: QueryClient, { userId, write }: Entry, task: Task | null): void {
  const cache = client.getQueryCache();
  for (const { queryKey } of cache.findAll({ queryKey: ["tasks", userId] })) {
    const filter = queryKey[2] as Filter;
    client.setQueryData<List>(queryKey, (list) => list && listAfter(list, filter, write, task));
  }
  for (const { queryKey } of cache.findAll({ queryKey: ["counts", userId] })) {
    const q = queryKey[2] as string;
    client.setQueryData<Counts>(queryKey, (counts) => counts && countsAfter(counts, q, write, task));
  }
}

function refresh(client: QueryClient, userId: string, predicate: (query: Query) => boolean = () => true): void {
  for (const name of ["tasks", "counts"]) {
    for (const { queryKey } of client.getQueryCache().findAll({ queryKey: [name, userId], predicate })) {
      // A first load that is under way would be waited for, and taken for new.
      void client.cancelQueries({ queryKey, exact: true }).then(() => client.invalidateQueries({ queryKey, exact: true }));
    }
  }
}

function mutationOf(client: QueryClient, entry: Entry) {
  return client.getMutationCache().find({ predicate: ({ state }) => state.variables === entry });
}

function remove(client: QueryClient, entry: Entry): void {
  const mutation = mutationOf(client, entry);
  if (mutation) client.getMutationCache().remove(mutation);
}

/** What waits, in its order, and how often the first of it was sent in vain. */
export function useWaiting(userId: string): { writes: Write[]; failures: number } {
  const found = useMutationState({
    filters: { mutationKey: KEY, status: "pending" },
    select: ({ state }) => ({ entry: state.variables as Entry, failures: state.failureCount }),
  }).filter(({ entry }) => entry.userId === userId);
  return { writes: found.map(({ entry }) => entry.write), failures: Math.max(0, ...found.map((one) => one.failures)) };
}

export interface Conflict {
  entry: Entry;
  theirs: Task;
}

export function useConflicts(userId: string): Conflict[] {
  const found = useMutationState({
    filters: { mutationKey: KEY, status: "error" },
    select: ({ state }) => ({ entry: state.variables as Entry, error: state.error }),
  });
  return found.flatMap(({ entry, error }) =>
    error instanceof ConflictError && entry.userId === userId ? [{ entry, theirs: error.theirs }] : [],
  );
}

/** Theirs stays, or ours is written over it: the person has seen theirs now. */
export function useDecision(userId: string): (conflict: Conflict, keep: "theirs" | "mine") => void {
  const client = useQueryClient();
  const write = useWrite(userId);
  return ({ entry, theirs }, keep) => {
    forgetWrite(entry);
    remove(client, entry);
    if (keep === "mine" && "task" in entry.write) write({ ...entry.write, task: theirs });
  };
}
