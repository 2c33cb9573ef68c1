// The page without a network: its files as they were had last. What the API and Better Auth say is none of them.
const CACHE = "page-1";
const ICON = "/icon.svg";

addEventListener("install", (event) => event.waitUntil(install().then(() => skipWaiting())));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  const { pathname } = new URL(event.request.url);
  if (pathname.startsWith("/assets/") || pathname === ICON) event.respondWith(kept(event.request));
  else if (event.request.mode === "navigate" && !pathname.startsWith("/api/")) event.respondWith(newest(event.request));
});

/** The page, and the files that it names. */
async function install() {
  const cache = await caches.open(CACHE);
  const page = await fetch("/");
  const files = (await page.clone().text()).match(/\/assets\/[^"]+/g) ?? [];
  await Promise.all([cache.put("/", page), cache.addAll([...new Set(files), ICON])]);
}

async function newest(request) {
  const cache = await caches.open(CACHE);
  try {
    const page = await fetch(request);
    if (page.ok) await cache.put("/", page.clone());
    return page;
  } catch {
    return (await cache.match("/")) ?? Response.error();
  }
}

/** A file's name has a hash of what is in it, and the icon stays: one that is there is the right one. */
async function kept(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request, { ignoreVary: true });
  if (known) return known;
  const file = await fetch(request);
  if (file.ok) await cache.put(request, file.clone());
  return file;
}
