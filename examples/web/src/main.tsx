// Starts the page: what was kept is there at once, what waits is taken up, and the rest is fetched.
import "@fontsource-variable/figtree/wght.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/dialog.css";
import "./styles/door.css";
import "./styles/page.css";
import "./styles/above.css";
import "./styles/tasks.css";
import "./styles/states.css";
import { onlineManager, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { SignedOutError } from "todo-api-client";
import { App } from "./App";
import { askAgain } from "./auth";
import { keepLists } from "./kept";

// TanStack Query listens to the browser for changes, and believes in a network until then.
onlineManager.setOnline(navigator.onLine);

const client: QueryClient = new QueryClient({
  defaultOptions: { queries: { staleTime: 10_000, gcTime: Number.POSITIVE_INFINITY } },
  queryCache: new QueryCache({ onError: (error) => void (error instanceof SignedOutError && askAgain(client)) }),
});
keepLists(client);

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);

// So that the page itself opens without a network.
if (import.meta.env.PROD && "serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js");
