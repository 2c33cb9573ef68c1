// What a frontend on Drizzle has; FILTERS stands for what docs/better-auth.md says to set beside the schema.
export default {
  dialect: "postgresql",
  schema: "./schema.mjs",
  dbCredentials: { url: process.env.DATABASE_URL },
  ...JSON.parse(process.env.FILTERS ?? "{}"),
};
