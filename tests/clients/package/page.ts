// Stands in for the browser around the snippets of documents: a page of AUTH's origin, whose user has signed up.
import { environment, withCookies } from "./counted";

const { AUTH } = environment;
const browser = withCookies(AUTH);
const network = globalThis.fetch;
const name = { email: `${crypto.randomUUID()}@example.com`, password: "a long pass phrase", name: "Alice" };
await browser.post("/api/auth/sign-up/email", name);
globalThis.fetch = (given, init) => {
  const { origin } = new URL(given instanceof Request ? given.url : given);
  return (origin === AUTH ? browser.fetch : network)(given, init);
};
const kept = new Map<string, string>();
const localStorage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
};
Object.assign(globalThis, { localStorage, location: { origin: AUTH } });
