// Chromium at the hands of tests in another language: each line of the input is one call, each of the output its result.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-proxy-server",
];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// Its profile is a new one.
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
const objects = [browser];
// What the pages of each context have requested.
const requests = new Map();

const own = {
  async newContext(options) {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(20_000);
    requests.set(context, []);
    context.on("request", (request) => requests.get(context).push(`${request.method()} ${request.url()}`));
    return context;
  },
  /** Since they were asked for last. */
  requests: (context) => requests.get(context).splice(0),
  /** The rules that the page violates, each with where. */
  async violations(page) {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => axe.run());
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
  },
};

async function called({ on, steps, name, args }) {
  if (name === "newContext") return own.newContext(...args);
  if (name) return own[name](objects[on], ...args);
  let found = objects[on];
  for (const [name, ...given] of steps) {
    const member = found[name];
    found = typeof member === "function" ? member.apply(found, given) : member;
  }
  return found;
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await called(JSON.parse(line)).then(
    (result) => (isHandle(result) ? { handle: objects.push(result) - 1 } : { result: result ?? null }),
    (error) => ({ error: error.message }),
  );
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
await browser.close();

function isHandle(value) {
  return typeof value === "object" && value !== null && "on" in value;
}
