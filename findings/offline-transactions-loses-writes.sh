#!/usr/bin/env bash
# @tanstack/offline-transactions gives up a write for good where the text of its error has 400, 401, 403 or 422 anywhere
# in it (a port, an id), and sends an edit before its create after a reload where both were made within a millisecond.
# Needs Node.js 20 and npm.
set -euo pipefail
OFFLINE=1.0.53 DB=0.8.7 IDB=6.2.8
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-package-lock --no-audit --no-fund --omit=peer \
	"@tanstack/offline-transactions@$OFFLINE" "@tanstack/db@$DB" "fake-indexeddb@$IDB"
cat >run.mjs <<'JS'
import "fake-indexeddb/auto";
import { setTimeout as pause } from "node:timers/promises";
import { createCollection } from "@tanstack/db";
import { IndexedDBAdapter, startOfflineExecutor } from "@tanstack/offline-transactions";

console.warn = () => {};
const leaderElection = {
  requestLeadership: async () => true,
  releaseLeadership: () => {},
  isLeader: () => true,
  onLeadershipChange: () => () => {},
};

async function open(name, online, send) {
  const sync = { sync: ({ markReady }) => markReady() };
  const todos = createCollection({ id: name, getKey: (todo) => todo.id, startSync: true, sync });
  const outbox = startOfflineExecutor({
    collections: { todos },
    storage: new IndexedDBAdapter(name),
    leaderElection,
    onlineDetector: { subscribe: () => () => {}, notifyOnline: () => {}, isOnline: () => online, dispose: () => {} },
    mutationFns: { send },
  });
  await outbox.waitForInit();
  const act = (change) => {
    const transaction = outbox.createOfflineTransaction({ mutationFnName: "send", autoCommit: false });
    transaction.mutate(() => change(todos));
    transaction.commit().catch(() => {});
  };
  return { act, outbox };
}

async function keptAfter(text) {
  const tab = await open(text, true, async () => {
    throw new Error(text);
  });
  tab.act((todos) => todos.insert({ id: "1", title: "Water the plants" }));
  await pause(50);
  return (await tab.outbox.peekOutbox()).length;
}

const errors = ["connect ECONNREFUSED 127.0.0.1:54011", "connect ECONNREFUSED 127.0.0.1:54321"];
const [kept, other] = [await keptAfter(errors[0]), await keptAfter(errors[1])];
console.log(`writes in the outbox after "${errors[0]}": ${kept}, after "${errors[1]}": ${other}`);

let swapped = 0;
for (let round = 0; round < 40; round += 1) {
  const away = await open(`round ${round}`, false, async () => {});
  away.act((todos) => todos.insert({ id: "1", title: "Water the plants" }));
  away.act((todos) => todos.update("1", (draft) => void (draft.title = "Water the garden")));
  await pause(20);
  const sent = [];
  await open(`round ${round}`, true, async ({ transaction }) => void sent.push(transaction.mutations[0].type));
  await pause(20);
  swapped += sent[0] === "update";
}
console.log(`reloads after which the edit was sent before its create: ${swapped} of 40`);
process.exit(kept === 0 && other === 1 && swapped > 0 ? 0 : 1);
JS
node run.mjs && echo "Both are as described." || { echo "Not as described."; exit 1; }
