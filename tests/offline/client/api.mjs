// The requests of one tab, each with a name of its own.
import { NAME } from "./proxy.mjs";
import { forever } from "./storage.mjs";

// Longer than whatever the proxy does; a page would wait longer yet.
const PATIENCE = 5_000;

export class Api {
  #reads = 0;
  #token;

  /** `getToken` gives a new access token. */
  constructor({ url, user, getToken, tab, network, gone }) {
    // The user's own id and not `me`: should somebody else have signed in, a write is 403, and not done as theirs.
    this.url = `${url}/api/v1/users/${user}/tasks`;
    this.getToken = getToken;
    this.tab = tab;
    this.network = network;
    this.gone = gone;
  }

  read(path) {
    this.#reads += 1;
    return this.#send(`${this.tab}.read.${this.#reads}`, { method: "GET", path, headers: {} });
  }

  /** `entry` is what the user did, which has a name of the same form in each tab that ever sends it. */
  write(entry, request) {
    entry.attempts += 1;
    return this.#send(`${entry.name}.${entry.attempts}`, request);
  }

  async #send(name, { method, path, headers, body }) {
    if (this.gone.aborted) await forever();
    if (!this.network.online) throw new Error("there is no network");
    this.#token ??= this.getToken(name);
    const sent = { authorization: `Bearer ${this.#token}`, [NAME]: name, ...headers };
    if (body) sent["content-type"] = "application/json";
    try {
      const signal = AbortSignal.any([this.gone, AbortSignal.timeout(PATIENCE)]);
      const response = await fetch(this.url + path, { method, headers: sent, body: JSON.stringify(body), signal });
      if (response.status === 401) this.#token = undefined; // it has expired: the next attempt has a new one
      const text = await response.text();
      const json = (response.headers.get("content-type") ?? "").includes("json");
      return { status: response.status, headers: response.headers, body: json && text ? JSON.parse(text) : undefined, sent };
    } finally {
      if (this.gone.aborted) await forever();
    }
  }
}
