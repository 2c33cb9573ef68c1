// The lists as the API gives them, and what a write makes of a list: the same for one that waits and one that is done.
import { infiniteQueryOptions, type InfiniteData, queryOptions } from "@tanstack/react-query";
import { take } from "todo-api-client";
import { clientFor, type Counts, passes, pauseAfter, type Task, type TaskPage } from "./api";
import type { Write } from "./outbox";

export const TABS = ["all", "open", "completed"] as const;
export type Tab = (typeof TABS)[number];
export interface Filter {
  tab: Tab;
  q: string;
}
export type List = Pick<InfiniteData<TaskPage>, "pages">;

const STATUSES: Record<Tab, Task["status"][]> = { all: [], open: ["pending", "in_progress"], completed: ["completed"] };
const repeated = { retry: passes, retryDelay: pauseAfter };

/** The newest first, a hundred at a time. The first page of all brings the counts: one request draws the page. */
export function listOf(userId: string, filter: Filter) {
  const { tab, q } = filter;
  return infiniteQueryOptions({
    queryKey: ["tasks", userId, filter] as const,
    queryFn: async ({ pageParam: cursor, signal, client }) => {
      const page = cursor === null ? { include_counts: tab === "all" } : { cursor };
      const query = { limit: 100, status: STATUSES[tab], ...(q && { q }), ...page };
      const params = { path: { user_id: userId }, query };
      const found = await take(clientFor(userId).GET("/api/v1/users/{user_id}/tasks", { params, signal }));
      if (found.counts) client.setQueryData(countsOf(userId, q).queryKey, found.counts);
      return found;
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (before) => before && narrowed(before, filter),
    ...repeated,
  });
}

export function countsOf(userId: string, q: string) {
  return queryOptions({
    queryKey: ["counts", userId, q] as const,
    queryFn: ({ signal }) => {
      const params = { path: { user_id: userId }, query: q ? { q } : {} };
      return take(clientFor(userId).GET("/api/v1/users/{user_id}/tasks/counts", { params, signal }));
    },
    ...repeated,
  });
}

/** Of another list what belongs into this one: shown until this one is there. */
function narrowed<L extends List>(list: L, filter: Filter): L {
  const pages = list.pages.map((page) => ({ ...page, items: page.items.filter((task) => isIn(filter, task)) }));
  return { ...list, pages };
}

/** What a write makes of the task, as far as one can know before the API has said it. */
export function expected(write: Write, task: Task | undefined): Task | null {
  switch (write.kind) {
    case "add":
    case "restore":
      return write.task;
    case "edit":
      return { ...(task ?? write.task), ...write.changes };
    case "delete":
      return null;
    case "clear":
      return task === undefined || task.status === "completed" ? null : task;
  }
}

/** The list after the write. `done` is what the API has made of the task, once it is known. */
export function listAfter<L extends List>(list: L, filter: Filter, write: Write, done?: Task | null): L {
  if (write.kind === "clear") {
    const pages = list.pages.map((page) => ({ ...page, items: page.items.filter((task) => expected(write, task)) }));
    return { ...list, pages };
  }
  const { id } = write.task;
  const at = list.pages.findIndex(({ items }) => items.some((task) => task.id === id));
  const listed = list.pages[at]?.items.find((task) => task.id === id);
  const after = done === undefined ? expected(write, listed) : done;
  const where = at >= 0 || after === null ? at : list.pages.findIndex((page) => belongsOn(page, after));
  const page = list.pages[where];
  if (page === undefined) return list;
  return { ...list, pages: list.pages.with(where, { ...page, items: itemsAfter(page.items, filter, id, after) }) };
}

function itemsAfter(items: Task[], filter: Filter, id: string, after: Task | null): Task[] {
  const at = items.findIndex((task) => task.id === id);
  if (after === null || !isIn(filter, after)) return at < 0 ? items : items.toSpliced(at, 1);
  if (at >= 0) return items.with(at, after);
  const below = items.findIndex((task) => isNewer(after, task));
  return items.toSpliced(below < 0 ? items.length : below, 0, after);
}

function belongsOn(page: TaskPage, task: Task): boolean {
  const last = page.items.at(-1);
  return page.next_cursor === null || (last !== undefined && isNewer(task, last));
}

/** What the API has not seen yet is the newest, whatever the clock here says. */
function isNewer(one: Task, other: Task): boolean {
  return one.etag === "" || (other.etag !== "" && one.created_at > other.created_at);
}

function isIn({ tab, q }: Filter, task: Task): boolean {
  const statuses = STATUSES[tab];
  return (statuses.length === 0 || statuses.includes(task.status)) && isFound(q, task);
}

/** As the API searches; it is asked again before long, should the two differ in some language. */
function isFound(q: string, { title, description }: Task): boolean {
  return `${title}\n${description ?? ""}`.toLowerCase().includes(q.toLowerCase());
}

export function countsAfter(counts: Counts, q: string, write: Write, done?: Task | null): Counts {
  if (write.kind === "clear") return q ? counts : { ...counts, completed: 0, total: counts.total - counts.completed };
  const before = write.kind === "edit" || write.kind === "delete" ? write.task : null;
  const after = done === undefined ? expected(write, write.task) : done;
  return counted(counted(counts, q, before, -1), q, after, 1);
}

function counted(counts: Counts, q: string, task: Task | null, by: 1 | -1): Counts {
  if (task === null || !isFound(q, task)) return counts;
  const overdue = isOverdue(task) ? counts.overdue + by : counts.overdue;
  return { ...counts, overdue, total: counts.total + by, [task.status]: counts[task.status] + by };
}

export function isOverdue({ status, due_at: due }: Task): boolean {
  return status !== "completed" && due !== null && Date.parse(due) < Date.now();
}
