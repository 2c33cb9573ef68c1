// The API's codes in the page's own words: a code that is misspelt here does not compile.
import { isProblem, ProblemError } from "todo-api-client";
import type { Write } from "./outbox";

export function whyRejected(write: Write, error: Error): string {
  const what = write.kind === "clear" ? "Your tasks" : `“${write.task.title}”`;
  if (!(error instanceof ProblemError)) return `${what}: something went wrong here. Reload the page.`;
  const { problem } = error;
  switch (problem.code) {
    case "not_found":
      return `${what} was deleted elsewhere.`;
    case "validation_failed":
      return `${what} was not saved: ${problem.errors?.map(fieldWords).join(", ")}.`;
    case "too_many_rows":
      return "There are more than a thousand completed tasks. Delete some of them one by one first.";
    case "account_deleted":
      return "This account was deleted.";
    default:
      return `${what} was not saved. If it happens again, report this number: ${problem.request_id}.`;
  }
}

function fieldWords({ pointer, code }: { pointer: string; code: string }): string {
  const field = { "/title": "the title", "/due_at": "the due time" }[pointer] ?? pointer.slice(1);
  return code === "missing" ? `${field} is missing` : `${field} is not right`;
}

/** Why a list cannot be had, where waiting does not help. */
export function whyNoList(error: Error): string {
  if (isProblem(error, "account_deleted")) return "This account was deleted, with everything in it.";
  const number = error instanceof ProblemError ? ` If it goes on, report this number: ${error.problem.request_id}.` : "";
  return `The list cannot be shown.${number}`;
}
