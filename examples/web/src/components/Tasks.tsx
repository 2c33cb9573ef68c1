// The page of whoever is signed in: the list as the API has it, and on it what waits to be sent.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import type { Counts } from "../api";
import type { User } from "../auth";
import { today } from "../due";
import { countsAfter, countsOf, type Filter, listAfter, listOf } from "../lists";
import { resume, useConflicts, useDecision, useWaiting, useWrite, type Write } from "../outbox";
import { useView } from "../useView";
import { whyNoList } from "../words";
import { Account } from "./Account";
import { Banner, useOnline } from "./Banner";
import { ClearCompleted } from "./ClearCompleted";
import { Composer } from "./Composer";
import { Empty } from "./Empty";
import { Filters } from "./Filters";
import { Icon } from "./Icon";
import { Logo } from "./Logo";
import { More, TaskList } from "./TaskList";

export function Tasks({ user }: { user: User }) {
  const client = useQueryClient();
  useEffect(() => resume(client, user.id), [client, user.id]);
  const [filter, look] = useView();
  const { writes, failures } = useWaiting(user.id);
  const conflicts = useConflicts(user.id);
  const list = useShownList(user.id, filter, writes);
  const counts = useShownCounts(user.id, filter, writes);
  const write = useWrite(user.id);
  const decide = useDecision(user.id);
  const isRepeating = failures > 0 || list.failureCount > 0;
  const isHeldUp = !useOnline() || isRepeating;
  const waiting = useMemo(
    () => new Set(isHeldUp ? writes.flatMap((one) => ("task" in one ? [one.task.id] : [])) : []),
    [isHeldUp, writes],
  );

  return (
    <div className="page">
      <Bar user={user} waiting={writes.length} />
      <Banner waiting={writes.length} isRepeating={isRepeating} />
      <main>
        <header className="headline">
          <p>{today()}</p>
          <h1>{counts ? headline(counts) : "Your tasks"}</h1>
        </header>
        <Composer
          onAdd={(task) => {
            if (filter.tab === "completed" || filter.q) look({ tab: "all", q: "" });
            write({ kind: "add", task });
          }}
        />
        <Filters filter={filter} counts={counts} onChange={look} />
        {list.error && list.tasks === undefined ? (
          <p role="alert" className="wrong">
            {whyNoList(list.error)}
          </p>
        ) : list.tasks === undefined ? (
          <Skeleton />
        ) : (
          <>
            {list.tasks.length === 0 && !list.isPlaceholder && <Empty filter={filter} onChange={look} />}
            <TaskList tasks={list.tasks} waiting={waiting} conflicts={conflicts} onWrite={write} onDecide={decide} />
            {list.hasMore && <More isLoading={list.isFetching} onMore={list.more} />}
          </>
        )}
        {counts && counts.completed > 0 && filter.tab !== "open" && !filter.q && (
          <ClearCompleted count={counts.completed} onClear={() => write({ kind: "clear" })} />
        )}
      </main>
    </div>
  );
}

function useShownList(userId: string, filter: Filter, writes: Write[]) {
  const query = useInfiniteQuery(listOf(userId, filter));
  const shown = query.data && writes.reduce((list, write) => listAfter(list, filter, write), query.data);
  return {
    tasks: shown?.pages.flatMap(({ items }) => items),
    error: query.error,
    failureCount: query.failureCount,
    isPlaceholder: query.isPlaceholderData,
    isFetching: query.isFetching,
    hasMore: query.hasNextPage && !query.isPlaceholderData,
    more: () => void (query.isFetching || query.fetchNextPage()),
  };
}

function useShownCounts(userId: string, { tab, q }: Filter, writes: Write[]): Counts | undefined {
  const { data } = useQuery({ ...countsOf(userId, q), enabled: tab !== "all" });
  return data && writes.reduce((counts, write) => countsAfter(counts, q, write), data);
}

function headline({ pending, in_progress, overdue, total }: Counts): string {
  const open = pending + in_progress;
  if (total === 0) return "Nothing yet";
  if (open === 0) return "All done";
  return overdue > 0 ? `${open} open, ${overdue} overdue` : `${open} open`;
}

function Bar({ user, waiting }: { user: User; waiting: number }) {
  const [isOpen, open] = useState(false);
  return (
    <header className="bar">
      <Logo />
      <button type="button" className="account-button" aria-haspopup="dialog" onClick={() => open(true)}>
        <Icon name="user" />
        {user.isGuest ? "Guest" : user.name}
      </button>
      {isOpen && <Account user={user} waiting={waiting} onClose={() => open(false)} />}
    </header>
  );
}

function Skeleton() {
  return (
    <div className="skeleton" aria-busy="true">
      <p className="visually-hidden">Loading…</p>
      {[62, 44, 71, 38, 55].map((width) => (
        <i key={width} style={{ inlineSize: `${width}%` }} />
      ))}
    </div>
  );
}
