// Better Auth's own migrator on the database in DATABASE_URL, with the options in OPTIONS; prints the tables it made.
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { jwt } from "better-auth/plugins";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const auth = betterAuth({
  database: pool,
  secret: "0123456789abcdef0123456789abcdef",
  emailAndPassword: { enabled: true },
  plugins: [jwt()],
  ...JSON.parse(process.env.OPTIONS),
});
const { toBeCreated, toBeAdded, runMigrations } = await getMigrations(auth.options);
await runMigrations();
console.log(JSON.stringify({ created: toBeCreated.map((one) => one.table), added: toBeAdded.map((one) => one.table) }));
await pool.end();
