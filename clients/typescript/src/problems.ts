// What the API says of a failure, typed by its code; and what is thrown where nothing could be had of it.
import type { components } from "./schema.js";

type Schemas = components["schemas"];

/** Any problem that the API has, told apart by `code`. Every operation's own union is in the type of its `error`. */
export type Problem = { [Name in keyof Schemas]: Name extends `${string}Problem` ? Schemas[Name] : never }[keyof Schemas];
export type ProblemCode = Problem["code"];
/** One entry of `errors`: where, by which code, and with which parameters, for words of one's own. */
export type FieldError = Schemas["FieldError"];
export type FieldCode = FieldError["code"];

/** A problem as an error, for code that throws: what `take`, `pages` and `changes` throw. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  constructor(
    readonly problem: Problem,
    readonly response: Response,
  ) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`);
  }
}

/** There is no response of the API: no network, no time left, or a proxy responded in its place with `status`. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  constructor(
    message: string,
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Nobody is signed in any more: show the sign-in. */
export class SignedOutError extends Error {
  override readonly name = "SignedOutError";
}

/** A write was done, as a repeat found out; and what it wrote has been deleted since. */
export class DeletedSinceError extends Error {
  override readonly name = "DeletedSinceError";
}

/** Whether an error is the problem with one of these codes: `if (isProblem(error, "not_found")) …` */
export function isProblem<Code extends ProblemCode>(
  error: unknown,
  ...codes: Code[]
): error is ProblemError & { problem: Extract<Problem, { code: Code }> } {
  return error instanceof ProblemError && codes.some((code) => code === error.problem.code);
}

interface Outcome {
  data?: unknown;
  error?: Problem;
  response: Response;
}
/** What there is where there is no problem, whether or not `exactOptionalPropertyTypes` is on. */
type Good<Given> = Given extends { data: infer Data } ? Data : never;

/** What an operation gives, or its problem thrown: `const task = await take(todo.GET(…))`. */
export async function take<Given extends Outcome>(outcome: Promise<Given>): Promise<Good<Given>> {
  const { data, error, response } = await outcome;
  if (error !== undefined) throw new ProblemError(error, response);
  if (response.status === 304) throw new TypeError("304 has no data to take: look at `response` of the operation");
  return data as Good<Given>;
}
