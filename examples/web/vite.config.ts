// One origin: the page, and behind it the API and Better Auth. No CORS, no preflights, cookies of the page's own.
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const { API_URL = "http://127.0.0.1:8000", AUTH_URL = "http://127.0.0.1:3000" } = process.env;
const proxy = { "/api/v1": API_URL, "/api/auth": AUTH_URL };

export default defineConfig({
  plugins: [react()],
  resolve: {
    // The client of this repository, from its sources. With `npm install todo-api-client` both lines go.
    alias: { "todo-api-client": fileURLToPath(new URL("../../clients/typescript/src/index.ts", import.meta.url)) },
    dedupe: ["openapi-fetch"],
  },
  server: { proxy, fs: { allow: ["../.."] } },
  preview: { proxy },
});
