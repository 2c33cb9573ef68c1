// What a program is told by its environment, and what it tells.
const { API, TOKEN } = process.env;
if (API === undefined || TOKEN === undefined) throw new Error("API and TOKEN are not set");
export const api = API;
export const token = TOKEN;

export function print(found: { etag: string | null; pages: string[][]; changed: string | undefined; stale: string | undefined }) {
  console.log(JSON.stringify(found));
}
