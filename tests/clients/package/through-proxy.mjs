// Runs a bundle behind the proxy of tests/offline, and prints what happened to its requests besides.
import { Chance } from "./chance.mjs";
import { Proxy } from "./proxy.mjs";

const proxy = new Proxy(process.env.API, new Chance(process.env.SEED), {});
process.env.API = await proxy.listen();
await import("./scenarios.bundle.mjs");
await proxy.calm();
const repeats = proxy.record.filter(({ replayed }) => replayed).length;
console.log(JSON.stringify({ faults: Object.keys(proxy.faults), repeats }));
proxy.close();
