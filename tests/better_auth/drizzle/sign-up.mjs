// Signs somebody up on Better Auth's Drizzle adapter, and prints their id.
import { betterAuth } from "better-auth";
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import * as schema from "./schema.mjs";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const auth = betterAuth({
  database: drizzleAdapter(drizzle(pool, { schema }), { provider: "pg", usePlural: true, schema }),
  secret: "0123456789abcdef0123456789abcdef",
  baseURL: "http://127.0.0.1:3000",
  emailAndPassword: { enabled: true },
});
const body = { email: "ada@example.com", password: "correct horse battery staple", name: "Ada" };
console.log((await auth.api.signUpEmail({ body })).user.id);
await pool.end();
