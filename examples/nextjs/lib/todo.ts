// The todo API on the server, for whoever has sent this request.
import { headers } from "next/headers";
import { createTodoClient, SignedOutError, type TodoClient } from "todo-api-client";
import { auth } from "./auth";

const { API_URL = "http://127.0.0.1:8000" } = process.env;

export const me = { user_id: "me" };

/** One for each request, as it is one person's. A page does not wait long: it says so, and the person asks again. */
export async function todoClient(): Promise<TodoClient> {
  const sent = await headers();
  const token = async () => {
    // No request is made for it: the token is signed here.
    const found = await auth.api.getToken({ headers: sent }).catch(() => null);
    if (found === null) throw new SignedOutError("there is no session");
    return found.token;
  };
  return createTodoClient({ baseUrl: API_URL, token, limits: { patience: 5_000 } });
}
