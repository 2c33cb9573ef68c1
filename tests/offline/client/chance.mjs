// Chance that comes from a seed: the same seed and the same name give the same, in whichever order they are asked for.
import { createHash } from "node:crypto";

export class Chance {
  constructor(seed) {
    this.seed = seed;
  }

  #bytes(name) {
    return createHash("sha256").update(`${this.seed}/${name}`).digest();
  }

  /** From 0 to below 1. */
  number(name) {
    return this.#bytes(name).readUIntBE(0, 6) / 2 ** 48;
  }

  /** A whole number of milliseconds, steps or the like. */
  between(least, most, name) {
    return least + Math.floor(this.number(name) * (most - least + 1));
  }

  /** One of `[thing, weight]`; a thing with twice the weight comes twice as often. */
  weighted(pairs, name) {
    const total = pairs.reduce((sum, [, weight]) => sum + weight, 0);
    let left = this.number(name) * total;
    return pairs.find(([, weight]) => (left -= weight) < 0)[0];
  }

  /** One of these texts, or undefined of none. Who is there besides changes the choice only if it is chosen itself. */
  oneOf(texts, name) {
    const rank = (text) => this.number(`${name}/${text}`);
    return texts.reduce((best, text) => (best === undefined || rank(text) > rank(best) ? text : best), undefined);
  }

  /** A UUID of any version, from 1 to 8. */
  uuid(name) {
    const bytes = this.#bytes(name).subarray(0, 16);
    bytes[6] = (bytes[6] & 0x0f) | (this.between(1, 8, `${name}/version`) << 4);
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }
}
