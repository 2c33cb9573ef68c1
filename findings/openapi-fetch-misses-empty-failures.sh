#!/usr/bin/env bash
# openapi-fetch 0.17.0 takes a failure without content for a success: where a response has a status of 400 or more and
# `Content-Length: 0`, as a proxy's 503 often does, both `data` and `error` are undefined, so `if (error)` does not see
# it. `response.ok` tells. With one byte of content `error` is there. Needs Node.js 20 and npm.
set -euo pipefail
VERSION=0.17.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-package-lock --no-audit --no-fund "openapi-fetch@$VERSION"
cat >run.mjs <<'JS'
import { createServer } from "node:http";
import createClient from "openapi-fetch";

const server = createServer((request, response) => {
  const content = request.url === "/empty" ? "" : "x";
  response.writeHead(503, { "Content-Length": content.length }).end(content);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const client = createClient({ baseUrl: `http://127.0.0.1:${server.address().port}` });
const seen = {};
for (const path of ["/empty", "/content"]) {
  const { data, error, response } = await client.GET(path);
  seen[path] = { status: response.status, ok: response.ok, data, error };
  console.log(path, seen[path]);
}
server.close();
const missed = seen["/empty"].error === undefined && seen["/empty"].data === undefined && !seen["/empty"].ok;
process.exit(missed && seen["/content"].error === "x" ? 0 : 1);
JS
echo "openapi-fetch $VERSION, $(node --version)"
node run.mjs
