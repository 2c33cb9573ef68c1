// The todo API for one user, and which of its failures pass by themselves.
import { betterAuth, createTodoClient, ProblemError, type components, type TodoClient, UnreachableError } from "todo-api-client";

type Schemas = components["schemas"];
export type Task = Schemas["TaskRead"];
export type TaskPage = Schemas["TaskPage"];
export type Counts = Schemas["TaskCounts"];

let known: { userId: string; todo: TodoClient } | undefined;

/** One client for each user: it keeps a token. It sends once, as TanStack Query repeats, and the page shows that. */
export function clientFor(userId: string): TodoClient {
  if (known?.userId !== userId) {
    const token = betterAuth(`${location.origin}/api/auth`);
    const baseUrl = import.meta.env.VITE_API_URL ?? location.origin;
    known = { userId, todo: createTodoClient({ baseUrl, token, limits: { attempts: 1 } }) };
  }
  return known.todo;
}

/** For `retry`: no response, a busy server, a database that is away. Everything else fails the same again. */
export function passes(_failures: number, error: Error): boolean {
  if (error instanceof UnreachableError) return true;
  if (!(error instanceof ProblemError)) return false;
  return [408, 429, 503].includes(error.problem.status) || error.problem.code === "request_in_progress";
}

/** For `retryDelay`, in milliseconds: growing, and not before Retry-After. */
export function pauseAfter(failures: number, error: Error): number {
  const told = error instanceof ProblemError ? Number(error.response.headers.get("Retry-After")) || 0 : 0;
  return Math.max(told * 1000, Math.min(500 * 2 ** failures, 8_000));
}
