// The access token: one for all requests, renewed ahead of its end, and once where the API rejects it.
import { SignedOutError, UnreachableError } from "./problems.js";
import { isJson, LIMITS, repeat } from "./repeat.js";

/** Gets a new access token. Throws SignedOutError where somebody has to sign in first. */
export type TokenSource = (() => Promise<string>) & {
  /** The refresh token is in a cookie of the API: signing in and out have to send and keep it, on another origin too. */
  readonly usesCookie?: boolean;
};

// Of a token's life: from when on a new one is fetched beside what goes on, and until when the old one is used.
const RENEW = 0.8;
const USE = 0.95;
// Whoever waits for a token shares it with others: nobody gives it up alone.
const NEVER = new AbortController().signal;

/** Gives a token that is good now; `rejected` is one that the API has not taken. However many ask, one is fetched. */
export function tokens(source: TokenSource): (rejected?: string) => Promise<string> {
  let token: string | undefined;
  let person: unknown;
  let [renewAt, useUntil] = [0, 0];
  let underWay: Promise<string> | undefined;

  async function fetched(): Promise<string> {
    const fresh = await source();
    const { sub, ...claims } = claimsOf(fresh);
    // Another tab can have signed somebody else in: what is written here is not theirs, nor what is shown.
    if (person !== undefined && sub !== person) throw new SignedOutError("somebody else has signed in");
    [token, person] = [fresh, sub];
    const life = lifeOf(claims);
    [renewAt, useUntil] = [Date.now() + RENEW * life, Date.now() + USE * life];
    return token;
  }
  const renew = () => (underWay ??= fetched().finally(() => (underWay = undefined)));

  return async (rejected) => {
    if (token === undefined || token === rejected || Date.now() >= useUntil) return renew();
    if (Date.now() >= renewAt) renew().catch(() => {}); // nobody waits for it: the old one will do
    return token;
  };
}

interface Claims {
  sub?: unknown;
  exp?: number;
  iat?: number;
}

function claimsOf(token: string): Claims {
  try {
    const payload = token.split(".")[1] ?? "";
    return JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) ?? {};
  } catch {
    return {}; // no JWT: the API will say when it is over
  }
}

/** Milliseconds from its issue to its expiry, so that a clock that is wrong here does no harm. */
function lifeOf({ exp, iat = Date.now() / 1000 }: Claims): number {
  const life = exp === undefined ? 0 : (exp - iat) * 1000;
  return life > 0 ? life : Infinity;
}

/** The JWT plugin of a Better Auth server at `url`, with its base path: `https://app.example.com/api/auth`. */
export function betterAuth(url: string, fetch: typeof globalThis.fetch = globalThis.fetch): TokenSource {
  return async () => {
    const send = (signal: AbortSignal) => fetch(`${url}/token`, { credentials: "include", signal });
    const found: { token: string } = await had((await repeat(send, LIMITS, NEVER)).response);
    return found.token;
  };
}

/** Where a refresh token is kept. Tabs that share it may refresh at once. */
export interface RefreshTokenStore {
  read(): string | null;
  write(token: string | null): void;
}

/** Local accounts of the API at `url`. Without a store the refresh token is in a cookie (`AUTH_COOKIES`). */
export function localAccounts(
  url: string,
  store?: RefreshTokenStore,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): TokenSource {
  const source = async () => {
    const known = store?.read();
    if (known === null) throw new SignedOutError("there is no refresh token");
    const body = known === undefined ? {} : { body: JSON.stringify({ refresh_token: known }) };
    const init = { method: "POST", credentials: known === undefined ? "include" : "same-origin", ...body } as const;
    const headers = known === undefined ? {} : { "Content-Type": "application/json" };
    // Within 30 s the same refresh token gives the same successor: a response that was lost does no harm.
    const send = (signal: AbortSignal) => fetch(`${url}/api/v1/auth/refresh`, { ...init, headers, signal });
    const { response } = await repeat(send, { ...LIMITS, patience: 25_000 }, NEVER);
    if (response.status === 401) store?.write(null);
    const found: { access_token: string; refresh_token?: string } = await had(response);
    if (found.refresh_token !== undefined) store?.write(found.refresh_token);
    return found.access_token;
  };
  return Object.assign(source, { usesCookie: store === undefined });
}

async function had(response: Response) {
  if (response.status === 401) throw new SignedOutError("the session is over");
  if (!response.ok || !isJson(response)) {
    throw new UnreachableError(`there is no token: ${response.status}, ${response.headers.get("Content-Type")}`, response.status);
  }
  return response.json();
}
