// What went wrong in a schedule, from what the users did, what the API did, its full list and the tabs' states.

export const COUNTERS = ["lost", "doubled", "false412", "unseen", "different", "unsettled"];

const version = (etag) => Number(/^"(\d+)/.exec(etag ?? "")?.[1] ?? NaN);

/** Lists of sentences by the name of the counter; all of them are empty where all is well. */
export function judge({ ledger, record, list, waiting, tabs }) {
  const found = Object.fromEntries(COUNTERS.map((name) => [name, []]));
  const done = executions(ledger, record, found);
  const histories = new Map();
  for (const one of done.values()) histories.set(one.entry.task, [...(histories.get(one.entry.task) ?? []), one]);
  for (const entry of ledger.values()) {
    if (waiting.has(entry.name)) found.unsettled.push(`${entry.name} (${entry.type}) waits`);
    else judgeEntry(entry, done, histories.get(entry.task) ?? [], found);
  }
  const there = new Map(list.map((row) => [row.id, row]));
  for (const [task, history] of histories) judgeRow(task, history, there.get(task), found);
  for (const id of there.keys()) if (!histories.has(id)) found.doubled.push(`${id} is there, and nobody made it`);
  for (const tab of tabs) judgeTab(tab, there, found);
  return found;
}

/** What the API did for each thing that a user did: once, if all is well. */
function executions(ledger, record, found) {
  const done = new Map();
  for (const { at, name, status, etag, replayed } of record) {
    const entry = ledger.get(name.split(".").slice(0, 2).join("."));
    if (!entry || status >= 300) continue;
    // A repeat can arrive here before the response that it repeats, or alone if that one was cut off.
    const before = done.get(entry.name) ?? { entry, at, version: version(etag), times: 0 };
    done.set(entry.name, { ...before, times: before.times + (replayed ? 0 : 1) });
    if (!replayed && before.times) found.doubled.push(`${entry.name} (${entry.type}) was done twice`);
  }
  return done;
}

function judgeEntry(entry, done, history, found) {
  const { name, type, stored, outcome } = entry;
  const others = history.filter((one) => one.entry.tab !== entry.tab);
  const excused = {
    gone: others.some((one) => one.entry.type === "delete"),
    "found there": others.some((one) => one.entry.type === "insert"),
  };
  if (stored && !done.has(name) && !excused[outcome]) found.lost.push(`${name} (${type}): ${outcome}`);
  if (outcome in excused && done.get(name)?.at > entry.settledAt) found.doubled.push(`${name} (${type}) was done after it was given up`);
  for (const { sent, current } of entry.conflicts) {
    const real = others.some(({ entry: { type: by }, version: at }) =>
      sent === "*" ? by === "insert" : at > version(sent) && at <= version(current),
    );
    if (!real) found.false412.push(`${name} (${type}) sent ${sent}, there was ${current}`);
  }
}

/** Whether the row is what the writes of its last life made it, one version each. */
function judgeRow(task, history, row, found) {
  const made = history.filter(({ entry }) => entry.type === "insert").toSorted((a, b) => a.version - b.version);
  const deletions = history.filter(({ entry }) => entry.type === "delete").length;
  if (deletions >= made.length) {
    if (row) found.doubled.push(`${task} came back`);
    return;
  }
  if (!row) return void found.lost.push(`${task} is not there`);
  const [{ entry, version: first }] = made.slice(-1);
  const edits = history.filter((one) => one.entry.type === "update" && one.version > first);
  const expected = { ...entry.fields };
  for (const one of edits.toSorted((a, b) => a.version - b.version)) Object.assign(expected, one.entry.fields);
  for (const [name, value] of Object.entries(expected)) {
    if (row[name] !== value) found.lost.push(`${task} has ${name} ${row[name]} and not ${value}`);
  }
  const surplus = version(row.etag) - first - edits.length;
  if (surplus > 0) found.doubled.push(`${task} was written ${surplus} times more than asked`);
  if (surplus < 0) found.lost.push(`${task} was written ${-surplus} times less than the API said`);
}

function judgeTab({ name, replica }, there, found) {
  const unseen = [...replica.known].filter((id) => !there.has(id) && !replica.sawDeleted.has(id));
  found.unseen.push(...unseen.map((id) => `${name} never saw that ${id} was deleted`));
  const shown = new Map(replica.collection.toArray.map((task) => [task.id, plain(task)]));
  for (const id of new Set([...shown.keys(), ...there.keys()])) {
    const [here, listed] = [shown.get(id), there.get(id) && plain(there.get(id))];
    if (here !== listed) found.different.push(`${name} shows ${here} where the list has ${listed}`);
  }
}

// Without what TanStack DB adds, in one order.
const plain = (task) => JSON.stringify(Object.entries(task).filter(([name]) => !name.startsWith("$")).toSorted());
