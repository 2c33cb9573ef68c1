// Sends a tab's writes: the library's outbox gives each of them here, until a response settles it.
import { setTimeout as pause } from "node:timers/promises";
import { NonRetriableError, startOfflineExecutor } from "@tanstack/offline-transactions";

/** Each tab here has an outbox of its own, as two browsers or devices of one user have. */
const alone = {
  requestLeadership: async () => true,
  releaseLeadership: () => {},
  isLeader: () => true,
  onLeadershipChange: () => () => {},
};

/** Whether there is a network; `notifyOnline` makes the library try again at once what waits. */
export class Network {
  online = true;
  #listeners = new Set();
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  isOnline = () => this.online;
  notifyOnline = () => this.online && this.#listeners.forEach((listener) => listener());
  dispose = () => this.#listeners.clear();
}

export function startOutbox({ replica, api, storage, network, ledger, plant }) {
  return startOfflineExecutor({
    collections: { tasks: replica.collection },
    storage,
    onlineDetector: network,
    leaderElection: alone,
    jitter: false,
    // The library orders by milliseconds, and what was loaded from IndexedDB within one by chance.
    beforeRetry: (waiting) => waiting.toSorted((one, other) => one.metadata.number - other.metadata.number),
    mutationFns: {
      write: async ({ transaction, idempotencyKey }) => {
        const entry = ledger.get(transaction.metadata.name);
        const write = new Write(transaction.mutations[0], entry, { replica, api, plant, idempotencyKey });
        await write.settle();
      },
    },
  });
}

class Write {
  constructor(mutation, entry, { replica, api, plant, idempotencyKey }) {
    this.mutation = mutation;
    this.id = mutation.key;
    this.entry = entry;
    this.replica = replica;
    this.api = api;
    this.plant = plant;
    this.key = idempotencyKey;
  }

  /** Raises an error where the outcome is unknown, for the library to try again; NonRetriableError where it is known. */
  async settle() {
    const { type } = this.mutation;
    // What is known to be deleted is not written to: without a tag a late repeat could reach what was put back.
    if (type !== "insert" && !this.replica.confirmed(this.id)) return this.#gone();
    const { status, headers, sent } = await this.#sent();
    if (status >= 200 && status < 300) return this.#settled("done");
    if (status === 404) return this.#gone();
    if (status === 412) {
      this.entry.conflicts.push({ sent: sent["if-match"] ?? "*", current: headers.get("etag") });
      if (type === "insert") return this.#settled("found there");
      // Somebody else has changed the task: the edit is made again on what there is now, under the same key.
      await this.replica.catchUp();
      await this.settle();
    } else if (this.#passes(status)) {
      await this.#again(Number(headers.get("retry-after")));
    } else {
      this.entry.outcome = `rejected: ${status}`;
      throw new NonRetriableError(`the API rejects it: ${status}`);
    }
  }

  // 401: the token has expired, as it does while a device is offline. 403: somebody else has signed in meanwhile.
  #passes(status) {
    if (this.plant.ends?.includes(status)) return false;
    return [401, 403, 408, 409, 429].includes(status) || status >= 500;
  }

  async #sent() {
    try {
      return await this.api.write(this.entry, this.#request());
    } catch (error) {
      throw this.plant.error ? new Error(this.plant.error(error.message, this.id)) : error;
    }
  }

  // The library cannot be told how long to wait, and takes a text with 400, 401, 403 or 422 in it for the end.
  async #again(seconds) {
    const text = "no response that settles it";
    if (!seconds) throw new Error(this.plant.error?.(text, this.id) ?? text);
    await pause(seconds * 1000);
    await this.settle();
  }

  #request() {
    const request = this.#asMeant();
    return this.plant.request?.(request, this.mutation) ?? request;
  }

  #asMeant() {
    const { type, changes, modified } = this.mutation;
    const path = `/${this.id}`;
    const key = { "idempotency-key": this.key };
    if (type === "insert") {
      return { method: "PUT", path, headers: { "if-none-match": "*", ...key }, body: written(modified) };
    }
    const headers = { "if-match": this.replica.confirmed(this.id).etag, ...key };
    return type === "delete" ? { method: "DELETE", path, headers } : { method: "PATCH", path, headers, body: changes };
  }

  async #gone() {
    await this.#settled("gone");
    if (this.mutation.type !== "delete") throw new NonRetriableError("the task was deleted meanwhile");
  }

  // The library shows what the user did until this ends: by then the feed has brought it, and the tag for the next edit.
  // What the response says of the task is not used: the feed may have brought something newer already.
  async #settled(outcome) {
    this.entry.outcome = outcome;
    this.entry.settledAt = performance.now();
    await this.replica.catchUp();
  }
}

// What a page shows beside a task does not travel; what only the API writes may, and is ignored.
const written = (task) => Object.fromEntries(Object.entries(task).filter(([name]) => !name.startsWith("$")));
