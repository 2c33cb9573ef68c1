// A tab's copy of the user's tasks: a TanStack DB collection that follows the changes feed.
import { createCollection } from "@tanstack/db";

export class Replica {
  // Ids of tasks that were once here, and of deletions that arrived.
  known = new Set();
  sawDeleted = new Set();
  #rows = new Map();
  #cursor = null;
  // The ids that came since a beginning without a cursor, until it has been followed to the end.
  #begun = null;
  #pulling;

  constructor(name, api, storage, { plant, limit }) {
    this.api = api;
    this.storage = storage;
    this.page = () => (plant.page ?? followed)(api, () => this.#page(), this.#cursor);
    this.limit = limit;
    this.collection = createCollection({
      // The library rolls back all transactions of a process that wait for the same collection and key.
      id: name,
      getKey: (task) => task.id,
      startSync: true,
      sync: { rowUpdateMode: "full", sync: (sync) => void (this.sync = sync) },
    });
  }

  /** What the tab kept when it was closed. */
  async restore() {
    const { rows, cursor } = await this.storage.synced();
    this.#cursor = cursor;
    this.#write(rows, []);
    this.sync.markReady();
  }

  /** As the API had it last, as far as is known here; an edit that waits is not in it. */
  confirmed(id) {
    return this.#rows.get(id);
  }

  /** The cursor is lost, as after a restored backup. */
  forgetPlace() {
    if (this.#cursor) this.#cursor = "bG9zdA";
  }

  /** Follows the feed to its end; one at a time, so that what is written here is never older than what was before. */
  pull() {
    this.#pulling ??= this.#pull().finally(() => (this.#pulling = undefined));
    return this.#pulling;
  }

  /** The same, with all that was done until now. */
  async catchUp() {
    await this.#pulling?.catch(() => {});
    await this.pull();
  }

  async #pull() {
    for (let more = true; more; ) {
      if (this.#cursor === null) this.#begun = new Set();
      const page = await this.page();
      if (page === "expired") {
        this.#cursor = null;
        continue;
      }
      more = page.has_more;
      await this.#take(page);
    }
  }

  #take({ items, deleted, next_cursor: cursor, has_more: more }) {
    const gone = [...deleted];
    if (this.#begun) {
      for (const task of items) this.#begun.add(task.id);
      // What a beginning without a cursor does not bring is not there any more.
      if (!more) gone.push(...[...this.#rows.keys()].filter((id) => !this.#begun.has(id)));
      if (!more) this.#begun = null;
    }
    for (const id of gone) this.sawDeleted.add(id);
    this.#write(items, gone);
    this.#cursor = cursor;
    return this.#keep();
  }

  async #page() {
    const cursor = this.#cursor ? `&cursor=${this.#cursor}` : "";
    const { status, body } = await this.api.read(`/changes?limit=${this.limit}${cursor}`);
    if (status === 410) return "expired";
    if (status !== 200) throw new Error("the changes cannot be had now");
    return body;
  }

  #write(rows, deleted) {
    this.sync.begin({ immediate: true });
    for (const row of rows) {
      this.sync.write({ type: this.#rows.has(row.id) ? "update" : "insert", value: row });
      this.#rows.set(row.id, row);
      this.known.add(row.id);
    }
    for (const id of deleted) if (this.#rows.delete(id)) this.sync.write({ type: "delete", key: id });
    this.sync.commit();
  }

  // A beginning that is cut short is made again.
  #keep() {
    return this.storage.keepSynced([...this.#rows.values()], this.#begun ? null : this.#cursor);
  }
}

const followed = (_, next) => next();
