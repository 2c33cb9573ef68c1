// Better Auth beside the page: e-mail and password, guests, tokens for the todo API, and the end of an account.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { anonymous, jwt } from "better-auth/plugins";
import pg from "pg";
import { moveTasks } from "../better-auth/guests.mjs";

const { API_URL = "http://127.0.0.1:8000", DATABASE_URL, HOST = "127.0.0.1", PORT = "3000" } = process.env;

// BETTER_AUTH_SECRET and BETTER_AUTH_URL (the address of the page) it takes from the environment by itself.
const auth = betterAuth({
  database: new pg.Pool({ connectionString: DATABASE_URL }),
  emailAndPassword: { enabled: true },
  user: { deleteUser: { enabled: true, beforeDelete: deleteTasks } },
  plugins: [
    jwt(),
    anonymous({
      onLinkAccount: async ({ anonymousUser, newUser }) =>
        moveTasks(API_URL, await withToken(anonymousUser.user), await withToken(newUser.user)),
    }),
  ],
});

async function withToken({ id, email, name }) {
  const { token } = await auth.api.signJWT({ body: { payload: { sub: id, email, name } } });
  return { id, token };
}

/** At the API first: whoever is deleted here alone would have tasks there that nobody can reach. */
async function deleteTasks(user) {
  const { token } = await withToken(user);
  const headers = { Authorization: `Bearer ${token}` };
  const response = await fetch(`${API_URL}/api/v1/users/me`, { method: "DELETE", headers });
  // 401 account_deleted: it was done before, and what came after it failed.
  const done = response.ok || (response.status === 401 && (await response.json()).code === "account_deleted");
  if (!done) throw new Error(`the todo API responds ${response.status} to the deletion of an account`);
}

// Makes Better Auth's own tables where they are missing. In production its command line does that.
await (await getMigrations(auth.options)).runMigrations();

createServer(toNodeHandler(auth)).listen(Number(PORT), HOST);
