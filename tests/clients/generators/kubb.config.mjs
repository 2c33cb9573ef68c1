import { defineConfig } from "@kubb/core";
import { pluginClient } from "@kubb/plugin-client";
import { pluginOas } from "@kubb/plugin-oas";
import { pluginReactQuery } from "@kubb/plugin-react-query";
import { pluginTs } from "@kubb/plugin-ts";

// kubb's own client sends JSON without a Content-Type, and gives a failure the type of a success.
const client = { importPath: "../../kubb-fetch", dataReturnType: "full" };

export default defineConfig({
  root: ".",
  input: { path: "openapi.json" },
  output: { path: "generated/kubb", format: false, lint: false, extension: { ".ts": "" } },
  plugins: [
    pluginOas({ generators: [] }),
    pluginTs({ output: { path: "types.ts" } }),
    pluginClient({ output: { path: "client.ts" }, ...client }),
    pluginReactQuery({ output: { path: "queries.ts" }, client, suspense: false}),
  ],
});
