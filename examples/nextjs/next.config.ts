// One origin: Next passes /api/v1 on to the API. No CORS, no preflights.
import type { NextConfig } from "next";

const { API_URL = "http://127.0.0.1:8000" } = process.env;

const config: NextConfig = {
  rewrites: async () => [{ source: "/api/v1/:path*", destination: `${API_URL}/api/v1/:path*` }],
  turbopack: { root: import.meta.dirname }, // and not that of a lock further up
};

export default config;
