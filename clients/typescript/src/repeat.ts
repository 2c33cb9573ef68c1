// Sends a request again where that makes sense: within a number of attempts and a time, and not before Retry-After.
import { UnreachableError } from "./problems.js";

/** Times are in milliseconds. */
export interface Limits {
  /** How often a request is sent at most. */
  attempts: number;
  /** How long a request may take, all attempts and waits; a longer Retry-After is not waited for. */
  patience: number;
  /** How long one attempt may take. */
  timeout: number;
}

export const LIMITS: Limits = { attempts: 6, patience: 30_000, timeout: 15_000 };
const AGAIN = new Set([408, 429, 502, 503, 504]);
const LONGEST_BACKOFF = 4_000;

/** A response whose body has arrived, as text, and the code where it is a problem. */
export interface Arrived {
  response: Response;
  text: string;
  code: unknown;
}

/** The last response. Throws UnreachableError where none came, and the reason of `signal` once that is aborted. */
export async function repeat(
  send: (signal: AbortSignal) => Promise<Response>,
  { attempts, patience, timeout }: Limits,
  signal: AbortSignal,
): Promise<Arrived> {
  const end = Date.now() + patience;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await once(send, AbortSignal.any([signal, AbortSignal.timeout(timeout)]));
    signal.throwIfAborted();
    const wait = waitAfter(outcome, attempt);
    if (wait !== undefined && attempt < attempts && Date.now() + wait <= end) await pause(wait, signal);
    else if (outcome instanceof Error) throw new UnreachableError("no response", undefined, { cause: outcome });
    else return outcome;
  }
}

/** Whether what has come can be the API's: whoever is in front of it responds with pages. */
export function isJson(response: Response): boolean {
  return /^application\/([\w.-]+\+)?json\b/i.test(response.headers.get("Content-Type") ?? "");
}

async function once(send: (signal: AbortSignal) => Promise<Response>, signal: AbortSignal): Promise<Arrived | Error> {
  try {
    const got = await send(signal);
    const text = await got.text(); // a connection may end in the middle of it
    const response = new Response(text || null, got);
    const isProblem = got.headers.get("Content-Type")?.startsWith("application/problem+json");
    return { response, text, code: isProblem ? JSON.parse(text).code : undefined };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Milliseconds; undefined where it is not to be sent again. */
function waitAfter(outcome: Arrived | Error, attempt: number): number | undefined {
  const backoff = Math.random() * Math.min(LONGEST_BACKOFF, 100 * 2 ** attempt);
  if (outcome instanceof Error) return backoff;
  const { response, code } = outcome;
  if (!AGAIN.has(response.status) && code !== "request_in_progress") return undefined;
  const told = response.headers.get("Retry-After");
  if (told === null) return backoff;
  const seconds = Number(told);
  return Math.max(0, Number.isNaN(seconds) ? Date.parse(told) - Date.now() : seconds * 1000) || 0;
}

/** Resolves after so many milliseconds; rejects with the reason of `signal` once that is aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, failed) => {
    signal.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      failed(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      done();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
