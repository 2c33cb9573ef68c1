// How kubb's operations reach the API: what kubb brings sends JSON without a Content-Type, and resolves with a failure.
import { api, token } from "./surroundings";

export type RequestConfig<Body = unknown> = {
  method?: string;
  url?: string;
  params?: object | undefined;
  data?: Body;
  headers?: Record<string, string | undefined>;
  signal?: AbortSignal;
};
export type ResponseConfig<Data = unknown> = { data: Data; status: number; headers: Headers };
export type ResponseErrorConfig<Problem = unknown> = Problem;
export type Client = typeof request;

export default async function request<Data, _Problem = unknown, Body = unknown>(
  config: RequestConfig<Body>,
): Promise<ResponseConfig<Data>> {
  const url = new URL(config.url ?? "/", api);
  for (const [name, value] of Object.entries(config.params ?? {})) url.searchParams.append(name, String(value));
  const headers = new Headers({ Authorization: `Bearer ${token}`, "Content-Type": "application/json" });
  for (const [name, value] of Object.entries(config.headers ?? {})) if (value !== undefined) headers.set(name, value);
  const body = config.data === undefined ? null : JSON.stringify(config.data);
  const response = await fetch(url, { method: config.method ?? "GET", headers, body, signal: config.signal ?? null });
  const data = await response.json();
  if (!response.ok) throw data;
  return { data, status: response.status, headers: response.headers };
}
