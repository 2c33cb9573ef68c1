// The same walk by Node's fetch, undici or axios: node walk.mjs KIND; the API and a token come by the environment.
const [kind] = process.argv.slice(2);
const { API, TOKEN } = process.env;
const authorization = `Bearer ${TOKEN}`;

async function byFetch(fetcher, method, path, { body, headers = {}, chunked } = {}) {
  const init = { method, headers: { authorization, ...headers } };
  if (body !== undefined) {
    const text = JSON.stringify(body);
    init.body = chunked ? new ReadableStream({ start: (to) => (to.enqueue(Buffer.from(text)), to.close()) }) : text;
    if (chunked) init.duplex = "half";
    init.headers["content-type"] = "application/json";
  }
  const response = await fetcher(API + path, init);
  const text = await response.text();
  return { status: response.status, etag: response.headers.get("etag"), body: text ? JSON.parse(text) : null };
}

async function byAxios(method, path, { body, headers = {}, chunked } = {}) {
  const { default: axios } = await import("axios");
  const { Readable } = await import("node:stream");
  const http = await import("node:http");
  byAxios.agent ??= new http.Agent({ keepAlive: true, maxSockets: 1 });
  const data = chunked ? Readable.from([Buffer.from(JSON.stringify(body))]) : body;
  const type = body === undefined ? {} : { "content-type": "application/json" };
  const response = await axios.request({
    url: API + path, method, data, maxRedirects: 0, httpAgent: byAxios.agent, validateStatus: () => true,
    headers: { authorization, ...type, ...headers },
  });
  return { status: response.status, etag: response.headers.etag, body: response.data || null };
}

const kinds = {
  fetch: (...call) => byFetch(fetch, ...call),
  undici: async (...call) => byFetch((await import("undici")).fetch, ...call),
  axios: byAxios,
};
const call = kinds[kind];
const statuses = [];
async function ask(...what) {
  const response = await call(...what);
  statuses.push(response.status);
  return response;
}

let made;
for (let number = 0; number < 20; number += 1) {
  made = await ask("POST", "/users/me/tasks", { body: { title: `Task ${number}` } });
}
const path = `/users/me/tasks/${made.body.id}`;
const seen = await ask("GET", path);
await ask("PATCH", path, { body: { status: "completed" }, headers: { "if-match": seen.etag } });
await ask("PATCH", path, { body: { status: "pending" }, headers: { "if-match": seen.etag } });
await ask("POST", "/users/me/tasks", { body: { title: "In pieces" }, chunked: true });
await ask("DELETE", path);
console.log(JSON.stringify({ statuses, title: made.body.title }));
process.exit(0);
