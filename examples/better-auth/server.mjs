// A Better Auth server whose tokens the todo API takes: e-mail and password, and the jwt plugin. Nothing else.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";
import pg from "pg";

// Better Auth takes BETTER_AUTH_SECRET and BETTER_AUTH_URL from the environment by itself.
const auth = betterAuth({
  database: new pg.Pool({ connectionString: process.env.DATABASE_URL }),
  emailAndPassword: { enabled: true },
  plugins: [jwt()],
});

// Makes Better Auth's own tables where they are missing, and leaves those of the todo API alone.
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const { PORT = "3000", HOST = "127.0.0.1" } = process.env;
createServer(toNodeHandler(auth)).listen(Number(PORT), HOST);
