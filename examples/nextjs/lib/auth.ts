// Better Auth in the same server: e-mail and password, and tokens for the todo API.
import { betterAuth } from "better-auth";
import { nextCookies } from "better-auth/next-js";
import { jwt } from "better-auth/plugins";
import { Pool } from "pg";

// BETTER_AUTH_SECRET and BETTER_AUTH_URL (the address of the page) it takes from the environment by itself.
export const auth = betterAuth({
  database: new Pool({ connectionString: process.env.DATABASE_URL }),
  emailAndPassword: { enabled: true },
  plugins: [jwt(), nextCookies()], // nextCookies lets a server action sign somebody in; it has to be the last
});
