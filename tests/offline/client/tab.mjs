// One tab: what its user sees and does, its outbox, and its copy of the tasks. It can be closed at any moment.
import { setTimeout as pause } from "node:timers/promises";
import { Api } from "./api.mjs";
import { Network, startOutbox } from "./outbox.mjs";
import { Replica } from "./replica.mjs";
import { TabStorage } from "./storage.mjs";

// How often a tab tries again what waits, in milliseconds: each time the library is told that the page is seen again.
const SEEN_EVERY = 40;

export class Tab {
  #gone = new AbortController();

  constructor(name, setup) {
    this.name = name;
    this.setup = setup;
    this.network = new Network();
    const { url, owner, getToken, ledger, plant, limit, database } = setup;
    const gone = this.#gone.signal;
    const place = `${database}.${name}`;
    this.storage = new TabStorage(place, gone, ({ name: stored }) => (ledger.get(stored).stored = true));
    this.api = new Api({ url, user: owner, getToken, tab: name, network: this.network, gone });
    this.replica = new Replica(place, this.api, this.storage, { plant, limit });
  }

  static async open(name, setup) {
    const tab = new Tab(name, setup);
    await tab.replica.restore();
    const { replica, api, storage, network } = tab;
    tab.outbox = startOutbox({ replica, api, storage, network, ledger: setup.ledger, plant: setup.plant });
    await tab.outbox.waitForInit();
    void tab.#follow();
    return tab;
  }

  /** As a browser ends a page: nothing is finished, nothing is said. */
  close() {
    this.#gone.abort();
    this.outbox.dispose();
  }

  /** The ids of the tasks that the user sees. */
  visible() {
    return [...this.replica.collection.keys()];
  }

  task(id) {
    return this.replica.collection.get(id);
  }

  /** What the user does: `change` works on the collection, at once; `entry` is the line of the ledger. */
  act(entry, change) {
    const { name, number, key } = entry;
    const options = { mutationFnName: "write", autoCommit: false, idempotencyKey: key, metadata: { name, number } };
    const transaction = this.outbox.createOfflineTransaction(options);
    transaction.mutate(() => change(this.replica.collection));
    transaction.commit().catch((error) => (entry.error = error.message));
  }

  /** The names of what the user did that has no response yet. */
  async waiting() {
    return (await this.outbox.peekOutbox()).map((one) => one.metadata.name);
  }

  async #follow() {
    const { signal } = this.#gone;
    void every(SEEN_EVERY, signal, () => this.network.notifyOnline());
    // A failure is made good by the next one.
    await every(this.setup.every, signal, () => this.network.online && this.replica.pull().catch(() => {}));
  }
}

async function every(milliseconds, signal, work) {
  while (!signal.aborted) {
    await work();
    await pause(milliseconds);
  }
}
