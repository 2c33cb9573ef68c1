// Runs schedules by their seeds, some at a time, and writes a line of JSON for each: what was done, what went wrong.
import { createHmac } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Chance } from "./chance.mjs";
import { judge } from "./oracle.mjs";
import { Proxy } from "./proxy.mjs";
import { User } from "./user.mjs";

const { API, SECRET, FIRST = "1", SEEDS = "25", AT_ONCE = "6", PLANT = "", RUN = "" } = process.env;
// After the last fault, until everything has been settled.
const PATIENCE = 60_000;
// The library tells of each failure that it will try again.
console.warn = () => {};

function token(user) {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub: user, iat: now, exp: now + 3600 })}`;
  return `${signed}.${createHmac("sha256", SECRET).update(signed).digest("base64url")}`;
}

async function schedule(seed) {
  const chance = new Chance(seed);
  const owner = `offline-${RUN}-${seed}`;
  const proxy = new Proxy(API, chance);
  const limit = chance.oneOf(["1", "3", "50"], "limit");
  const url = await proxy.listen();
  const setup = { url, token: token(owner), chance, ledger: new Map(), plant: PLANT, limit, database: owner };
  const users = [new User("a", setup), new User("b", setup)];
  await Promise.all(users.map((user) => user.open()));
  await Promise.all(users.map((user) => user.act()));
  await settle(users, proxy);
  const tabs = users.map((user) => user.tab);
  const list = await everything(setup.token);
  const found = judge({ ledger: setup.ledger, record: proxy.record, list, tabs });
  tabs.forEach((tab) => tab.close());
  proxy.close();
  const entries = [...setup.ledger.values()];
  const did = {};
  for (const { type } of entries) did[type] = (did[type] ?? 0) + 1;
  const conflicts = entries.reduce((sum, entry) => sum + entry.conflicts.length, 0);
  return { seed, owner, did, conflicts, faults: proxy.faults, requests: proxy.record.length, ids: list.map((row) => row.id), found };
}

/** No more faults: what was held arrives, what waits is sent, and both tabs follow to the end. */
async function settle(users, proxy) {
  await proxy.calm();
  const until = Date.now() + PATIENCE;
  for (const { tab } of users) tab.network.online = true;
  for (const { tab } of users) while ((await tab.waiting()) && Date.now() < until) await pause(10);
  await proxy.calm();
  for (const { tab } of users) while (!(await freshly(tab)) && Date.now() < until) await pause(10);
}

/** One look for changes that began now. */
async function freshly(tab) {
  await tab.pulling;
  return tab.pull();
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
