// What somebody does in a tab, by a seed: creates, edits, deletes, takes back, goes offline, reloads.
import { setTimeout as pause } from "node:timers/promises";
import { Tab } from "./tab.mjs";

const STEPS = 40;
const ACTIONS = [
  ["create", 6],
  ["edit", 48],
  ["create and edit", 4],
  ["edit and reload", 3],
  ["delete", 11],
  ["undo", 8],
  ["network", 12],
  ["reload", 8],
  ["forget", 3],
];
const STATUSES = ["pending", "in_progress", "completed"];

export class User {
  #deleted = [];
  #number = 0;

  constructor(name, setup) {
    this.name = name;
    this.setup = setup;
    this.chance = setup.chance;
  }

  async open() {
    this.tab = await Tab.open(this.name, this.setup);
  }

  async act() {
    for (let step = 0; step < STEPS; step += 1) {
      const name = `${this.name}.${step}`;
      await this.#do(this.chance.weighted(ACTIONS, name), name);
      await pause(this.chance.between(0, 60, `${name}/pause`));
    }
  }

  async #do(action, name) {
    const { tab, chance } = this;
    if (action === "create") return void this.#create(name);
    if (action === "edit") return this.#edit(this.#chosen(name), name);
    if (action === "create and edit") return this.#edit(this.#create(name), `${name}+`);
    if (action === "edit and reload") this.#edit(this.#chosen(name), name);
    if (action === "delete") return this.#delete(this.#chosen(name), name);
    if (action === "undo") return this.#undo(this.#deleted.pop(), name);
    if (action === "network") return void (tab.network.online = !tab.network.online);
    if (action === "forget") return tab.replica.forgetPlace();
    return this.reload();
  }

  /** The page is closed without a word and opened again, with what it had kept. */
  async reload() {
    this.tab.close();
    await this.open();
  }

  // Mostly the task that both users like best, so that they meet.
  #chosen(name) {
    return this.chance.oneOf(this.tab.visible(), this.chance.number(`${name}/best`) < 0.7 ? "best" : name);
  }

  // Named by the step, so that one that is left out does not change what happens to those behind it.
  #entry(name, type, task, fields = {}) {
    const number = (this.#number += 1);
    const key = this.chance.uuid(`key/${name}`);
    const entry = { name, number, key, tab: this.name, type, task, fields, attempts: 0, stored: false, conflicts: [] };
    this.setup.ledger.set(name, entry);
    return entry;
  }

  #create(name) {
    const id = this.chance.uuid(`task/${name}`);
    const fields = { title: `${name}, created`, description: null, status: "pending", due_at: null };
    this.tab.act(this.#entry(name, "insert", id, fields), (tasks) => tasks.insert({ id, ...fields }));
    return id;
  }

  #edit(id, name) {
    if (id === undefined) return;
    const field = this.chance.oneOf(["title", "description", "status", "due_at"], `${name}/field`);
    const values = {
      title: `${name}, edited`,
      description: `${name}, described`,
      status: STATUSES[this.chance.between(0, 2, `${name}/status`)],
      due_at: new Date(Date.UTC(2027, 0, 1) + this.chance.between(0, 1e9, name) * 1000).toISOString().replace(".000", ""),
    };
    const before = this.tab.task(id)[field];
    if (before === values[field]) return;
    const entry = this.#entry(name, "update", id, { [field]: values[field] });
    this.tab.act(entry, (tasks) => tasks.update(id, (draft) => void (draft[field] = values[field])));
  }

  #delete(id, name) {
    if (id === undefined) return;
    this.#deleted.push({ ...this.tab.task(id) });
    this.tab.act(this.#entry(name, "delete", id), (tasks) => tasks.delete(id));
  }

  // Under its own id, as it was: what only the API writes is ignored there, but for the time at which it was made.
  #undo(task, name) {
    if (task === undefined || this.tab.visible().includes(task.id)) return;
    const row = Object.fromEntries(Object.entries(task).filter(([name]) => !name.startsWith("$")));
    const { title, description, status, due_at } = row;
    const entry = this.#entry(name, "insert", task.id, { title, description, status, due_at });
    this.tab.act(entry, (tasks) => tasks.insert(row));
  }
}
