// What a tab keeps over a reload: the library's own IndexedDB adapter, which stops in the middle when the tab goes.
import "fake-indexeddb/auto";
import { IndexedDBAdapter } from "@tanstack/offline-transactions";

const OUTBOX = "tx:";
const SYNCED = "synced";

/** `gone` is an AbortSignal; `onStored` gets the metadata of each transaction that is found to be in the outbox. */
export class TabStorage {
  constructor(name, gone, onStored) {
    this.adapter = new IndexedDBAdapter(name);
    this.gone = gone;
    this.onStored = onStored;
  }

  get = async (key) => this.#noted(key, await this.#alive(() => this.adapter.get(key)));
  delete = (key) => this.#alive(() => this.adapter.delete(key));
  keys = () => this.#alive(() => this.adapter.keys());
  clear = () => this.#alive(() => this.adapter.clear());
  set = async (key, value) => {
    await this.#alive(() => this.adapter.set(key, value));
    this.#noted(key, value);
  };

  /** The rows as the API had them, and the cursor of the changes after that. */
  async synced() {
    return JSON.parse((await this.get(SYNCED)) ?? '{"rows": [], "cursor": null}');
  }

  /** Both in one write, so that neither is there without the other. */
  keepSynced(rows, cursor) {
    return this.set(SYNCED, JSON.stringify({ rows, cursor }));
  }

  #noted(key, value) {
    if (value && key.startsWith(OUTBOX)) this.onStored(JSON.parse(value).metadata);
    return value;
  }

  // A tab that is gone neither goes on nor fails: it waits for ever.
  async #alive(work) {
    if (this.gone.aborted) await forever();
    const result = await work();
    if (this.gone.aborted) await forever();
    return result;
  }
}

export const forever = () => new Promise(() => {});
