// Runs schedules by their seeds, some at a time, and writes a line of JSON for each: what was done, what went wrong.
import { createHmac } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { NonRetriableError } from "@tanstack/offline-transactions";
import { Chance } from "./chance.mjs";
import { judge } from "./oracle.mjs";
import { PLANTS } from "./plants.mjs";
import { Proxy } from "./proxy.mjs";
import { User } from "./user.mjs";

const { API, SECRET, FIRST = "1", SEEDS = "25", AT_ONCE = "6", PLANT = "", RUN = "" } = process.env;
// Until everything that was done has been settled, in milliseconds.
const PATIENCE = Number(process.env.PATIENCE ?? 60_000);
// The library tells of each failure that it will try again, and of each that it will not; of the latter it leaves a
// promise that nobody waits for while it is busy with another transaction.
console.warn = () => {};
process.on("unhandledRejection", (error) => {
  if (!(error instanceof NonRetriableError)) throw error;
});

function token(user, age = 0) {
  const now = Math.floor(Date.now() / 1000) - age;
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: user, iat: now, exp: now + 3600 })}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

async function schedule(seed) {
  const chance = new Chance(seed);
  const owner = `offline-${RUN}-${seed}`;
  const proxy = new Proxy(API, chance, PLANTS[PLANT]);
  const url = await proxy.listen();
  const setup = {
    url,
    owner,
    // Now and then one that has expired already.
    getToken: (name) => token(owner, chance.number(`token/${name}`) < 0.3 ? 7200 : 0),
    chance,
    ledger: new Map(),
    plant: PLANTS[PLANT],
    database: owner,
    // How many changes a page has, and how often a tab looks for them, in milliseconds.
    limit: chance.oneOf(["1", "3", "50"], "limit"),
    every: Number(chance.oneOf(["30", "150", "600"], "every")),
  };
  const users = [new User("a", setup), new User("b", setup)];
  await Promise.all(users.map((user) => user.open()));
  await Promise.all(users.map((user) => user.act()));
  await settle(users, proxy);
  const tabs = users.map((user) => user.tab);
  const list = await everything(token(owner));
  const waiting = new Set((await Promise.all(users.map((user) => user.tab.waiting()))).flat());
  const found = judge({ ledger: setup.ledger, record: proxy.record, list, waiting, tabs });
  tabs.forEach((tab) => tab.close());
  proxy.close();
  return { seed, owner, list, found, ...figures([...setup.ledger.values()], proxy) };
}

function figures(entries, { faults, record }) {
  const of = (type) => entries.filter((entry) => entry.type === type).length;
  return {
    // What was done in a tab that was closed before its outbox had it is nobody's promise.
    unstored: entries.filter((entry) => !entry.stored).length,
    did: { insert: of("insert"), update: of("update"), delete: of("delete") },
    faults,
    requests: record.length,
    repeats: record.filter((one) => one.replayed).length,
    conflicts: entries.reduce((sum, entry) => sum + entry.conflicts.length, 0),
  };
}

/** Everybody is online; once nothing waits any more there are no more faults, and what was held arrives. */
async function settle(users, proxy) {
  const until = Date.now() + PATIENCE;
  const sent = async () => {
    for (const { tab } of users) while ((await tab.waiting()).length && Date.now() < until) await pause(10);
  };
  for (const { tab } of users) tab.network.online = true;
  await sent();
  await proxy.calm();
  for (const { tab } of users) await tab.replica.catchUp();
}

async function everything(bearer) {
  const rows = [];
  for (let cursor = ""; cursor !== null; ) {
    const url = `${API}/api/v1/users/me/tasks?limit=100${cursor && `&cursor=${cursor}`}`;
    const page = await (await fetch(url, { headers: { authorization: `Bearer ${bearer}` } })).json();
    rows.push(...page.items);
    cursor = page.next_cursor;
  }
  return rows;
}

let next = Number(FIRST);
const last = next + Number(SEEDS);
async function work() {
  while (next < last) {
    const seed = next++;
    const result = await schedule(seed).catch((error) => ({ seed, error: error.stack }));
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}
await Promise.all(Array.from({ length: Number(AT_ONCE) }, work));
process.exit(0);
