// What a guest has written stays theirs when they sign up or in: for onLinkAccount of Better Auth's anonymous plugin.

/**
 * Gives all tasks of a guest to an account, under their own ids, and deletes the guest at the todo API. `api` is its
 * origin; `guest` and `account` are each `{ id, token }`. An error means that it is not finished: whoever calls it again,
 * with the same two, finishes it.
 */
export async function moveTasks(api, guest, account) {
  if (guest.id === account.id) return; // the plugin calls this also where a guest becomes an account with the same id
  for (let cursor = ""; cursor !== null; ) {
    const page = await send(api, guest, "GET", `/tasks?sort=created_at&limit=100${cursor}`);
    if (page.code === "account_deleted") return; // it was finished, and nobody was told
    for (const task of page.items) await put(api, guest, account, task);
    cursor = page.next_cursor && `&cursor=${page.next_cursor}`;
  }
  await send(api, guest, "DELETE", "");
}

/** With this key a repeat finds what it did before, and does not bring back what the user has deleted since. */
function put(api, guest, account, task) {
  const headers = { "If-None-Match": "*", "Idempotency-Key": `${guest.id}:${task.id}` };
  return send(api, account, "PUT", `/tasks/${task.id}`, headers, task);
}

async function send(api, { token }, method, path, headers = {}, body = undefined) {
  const sent = { Authorization: `Bearer ${token}`, ...headers };
  if (body) sent["Content-Type"] = "application/json";
  const response = await fetch(`${api}/api/v1/users/me${path}`, { method, headers: sent, body: JSON.stringify(body) });
  const text = await response.text();
  const content = text ? JSON.parse(text) : {};
  // Done before: the task is there (after the key was forgotten), or the guest is gone.
  const done = response.ok || content.code === "precondition_failed" || content.code === "account_deleted";
  if (!done) throw new Error(`the todo API responds ${response.status} (${content.code}) to ${method} ${path}`);
  return content;
}
