// Sends a tab's writes: the library's outbox gives each of them here, until it has an answer that settles it.
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
    this.key = plant === "no key" || plant === "post" ? undefined : idempotencyKey;
  }

  /** Raises an error without a number in it where the outcome is unknown: the library looks for 400 or 422 in it. */
  async settle() {
    const { type } = this.mutation;
    // What is known to be deleted is not written to: without a tag a late repeat could reach what was put back.
    if (type !== "insert" && !this.replica.confirmed(this.id)) return this.#gone();
    const { status, headers, sent } = await this.api.write(this.entry, this.#request());
    if (status >= 200 && status < 300) return this.#settled("done");
    if (status === 404) return this.#gone();
    if (status === 412) {
      this.entry.conflicts.push({ sent: sent["if-match"] ?? "*", current: headers.get("etag") });
      if (type === "insert") return this.#settled("found there");
      // Somebody else has changed the task: the edit is made again on what there is now, under the same key.
      await this.replica.catchUp();
      await this.settle();
    } else if (status === 409 || status === 429 || status >= 500) {
      throw new Error("no answer that settles it");
    } else {
      this.entry.outcome = `refused: ${status}`;
      throw new NonRetriableError(`the API refuses it: ${status}`);
    }
  }

  #request() {
    const { type, changes, modified } = this.mutation;
    const match = { "if-match": this.replica.confirmed(this.id)?.etag };
    const key = this.key ? { "idempotency-key": this.key } : {};
    if (type === "delete") return { method: "DELETE", path: `/${this.id}`, headers: { ...match, ...key } };
    if (type === "insert" && this.plant === "post") {
      const { title, description, status } = modified;
      return { method: "POST", path: "", headers: {}, body: { title, description, status } };
    }
    if (type === "insert") {
      const headers = { "if-none-match": "*", ...key };
      return { method: "PUT", path: `/${this.id}`, headers, body: written(modified) };
    }
    if (this.plant === "blind") return { method: "PUT", path: `/${this.id}`, headers: key, body: written(modified) };
    return { method: "PATCH", path: `/${this.id}`, headers: { ...match, ...key }, body: changes };
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
