// What a guest has written stays theirs when they sign up or in: for onLinkAccount of Better Auth's anonymous plugin.

/**
 * Gives all tasks of a guest to an account, under their own ids, and deletes the guest at the todo API. `api` is its
 * origin; `guest` and `account` are each `{ id, token }`. An error means that it is not finished: whoever calls it again,
 * with the same two, finishes it.
 */
export async function moveTasks(api, guest, account) {
  if (guest.id === account.id) return; // the plugin calls this also where a guest becomes an account with the same id
  for (let cursor = ""; cursor !== null; ) {
    const page = await send(api, guest, "GET", `/tasks?sort=created_at&limit=100${cursor}`, { takes: ["account_deleted"] });
    if (page.code === "account_deleted") return; // it was finished, and nobody was told
    for (const task of page.items) await put(api, guest, account, task);
    cursor = page.next_cursor && `&cursor=${page.next_cursor}`;
  }
  await send(api, guest, "DELETE", "", { takes: ["account_deleted"] });
}

/** With this key a repeat finds what it did before, and does not bring back what the user has deleted since. */
async function put(api, guest, account, task) {
  const [path, key] = [`/tasks/${task.id}`, `${guest.id}:${task.id}`];
  const headers = { "If-None-Match": "*", "Idempotency-Key": key };
  const takes = ["precondition_failed", "idempotency_key_reused"];
  const made = await send(api, account, "PUT", path, { headers, body: task, takes });
  if (!takes.includes(made.code)) return;
  // It was put before, and the key is forgotten, or the guest has changed it since: the newer one stays.
  const there = await send(api, account, "GET", path, { takes: ["not_found"] });
  if (new Date(there.updated_at) < new Date(task.updated_at))
    await send(api, account, "PUT", path, { headers: { "If-Match": there.etag }, body: task });
}

/** What the API responds; a problem only where its code is one of `takes`. */
async function send(api, { token }, method, path, { headers = {}, body = undefined, takes = [] } = {}) {
  const sent = { Authorization: `Bearer ${token}`, ...headers };
  if (body) sent["Content-Type"] = "application/json";
  const response = await fetch(`${api}/api/v1/users/me${path}`, { method, headers: sent, body: JSON.stringify(body) });
  const text = await response.text();
  const content = text ? JSON.parse(text) : {};
  if (!response.ok && !takes.includes(content.code))
    throw new Error(`the todo API responds ${response.status} (${content.code}) to ${method} ${path}`);
  return content;
}
