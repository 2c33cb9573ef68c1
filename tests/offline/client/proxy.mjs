// A proxy before the API that cuts, delays, repeats and loses requests and responses, by a seed; and notes what the API did.
import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";

// The header by which the client names a request: "tab.operation.attempt". What happens to it follows from its name.
export const NAME = "x-name";

// What happens to a request, and how often among a thousand.
const FAULTS = [
  ["none", 520],
  ["cut before the API", 70],
  ["cut after the API", 90],
  ["cut in the middle of the response", 40],
  ["503 before the API", 30],
  ["504 after the API", 40],
  ["request delayed", 50],
  ["response delayed", 50],
  ["delivered twice at once", 50],
  ["delivered again later", 30],
  ["held, and delivered after the client gave it up", 30],
];

export class Proxy {
  // Responses of the API, in the order of their arrival here; the client may have seen them or not.
  record = [];
  faults = {};
  #calm = false;
  #underWay = new Set();

  constructor(target, chance, plant) {
    this.target = new URL(target);
    this.chance = chance;
    this.plant = plant;
    this.agent = new http.Agent({ keepAlive: true });
    this.server = http.createServer((request, response) => this.#take(request, response));
  }

  async listen() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  /** From now on nothing happens to requests; resolves once those that were held have been delivered. */
  async calm() {
    this.#calm = true;
    while (this.#underWay.size) await Promise.all(this.#underWay);
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
    this.agent.destroy();
  }

  async #take(request, response) {
    const body = [];
    request.on("error", () => {});
    response.on("error", () => {});
    for await (const part of request) body.push(part);
    const { method, url, headers } = request;
    const sent = { method, url, headers, body: Buffer.concat(body), name: headers[NAME] };
    if (this.plant.cut?.(sent)) return response.destroy();
    const fault = this.#calm ? "none" : this.chance.weighted(FAULTS, `fault/${sent.name}`);
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
    const work = this.#serve(fault, sent, response).catch(() => response.destroy());
    this.#underWay.add(work);
    await work;
    this.#underWay.delete(work);
  }

  async #serve(fault, sent, response) {
    const wait = (most) => pause(this.chance.between(1, most, `time/${sent.name}`));
    switch (fault) {
      case "cut before the API":
        return response.destroy();
      case "503 before the API":
        return response.writeHead(503).end();
      case "cut after the API":
        await this.#forward(sent);
        return response.destroy();
      case "504 after the API":
        await this.#forward(sent);
        return response.writeHead(504).end();
      case "cut in the middle of the response":
        return cutInTheMiddle(response, await this.#forward(sent));
      case "held, and delivered after the client gave it up":
        response.destroy();
        await wait(400);
        return this.#forward(sent);
      case "delivered twice at once": {
        const [first] = await Promise.all([this.#forward(sent), this.#forward(sent)]);
        return give(response, first);
      }
      case "delivered again later":
        give(response, await this.#forward(sent));
        await wait(400);
        return this.#forward(sent);
      case "request delayed":
        await wait(120);
        return give(response, await this.#forward(sent));
      case "response delayed": {
        const found = await this.#forward(sent);
        await wait(120);
        return give(response, found);
      }
      default:
        return give(response, await this.#forward(sent));
    }
  }

  async #forward(sent) {
    const at = performance.now();
    const found = await this.#send(sent);
    this.record.push({
      at,
      name: sent.name,
      method: sent.method,
      path: sent.url.split("?")[0],
      status: found.status,
      etag: found.headers.etag,
      replayed: "idempotent-replayed" in found.headers,
    });
    return found;
  }

  #send({ method, url, headers, body }) {
    const { hostname, port } = this.target;
    const own = { ...headers, host: this.target.host };
    return new Promise((done, failed) => {
      const request = http.request({ hostname, port, method, path: url, headers: own, agent: this.agent }, (found) => {
        const parts = [];
        found.on("data", (part) => parts.push(part));
        found.on("error", failed);
        found.on("end", () =>
          done({ status: found.statusCode, headers: found.headers, body: Buffer.concat(parts) }),
        );
      });
      request.on("error", failed);
      request.end(body);
    });
  }
}

function give(response, { status, headers, body }) {
  if (!response.destroyed) response.writeHead(status, headers).end(body);
}

function cutInTheMiddle(response, { status, headers, body }) {
  if (response.destroyed) return;
  response.writeHead(status, headers);
  response.write(body.subarray(0, body.length >> 1), () => response.destroy());
  if (!body.length) response.destroy();
}
