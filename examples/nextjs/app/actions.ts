// What the forms of the page do, on the server.
"use server";

import { revalidatePath } from "next/cache";
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { UnreachableError } from "todo-api-client";
import { auth } from "../lib/auth";
import { me, todoClient } from "../lib/todo";

/** Gives what is wrong, as a sentence. The key came with the form and stays until it has worked: one task, however often. */
export async function addTask(_before: string | undefined, form: FormData): Promise<string | undefined> {
  const todo = await todoClient();
  const header = { "Idempotency-Key": String(form.get("key")) };
  const body = { title: String(form.get("title")) };
  const sent = todo.POST("/api/v1/users/{user_id}/tasks", { params: { path: me, header }, body });
  const { error } = await sent.catch((failure: unknown) => {
    if (failure instanceof UnreachableError) return { error: { code: "unreachable" as const } };
    throw failure;
  });
  if (error === undefined) return revalidatePath("/");
  switch (error.code) {
    case "unreachable":
    case "overloaded":
    case "database_unavailable":
      return "The server does not answer. Press again in a moment.";
    case "validation_failed":
      return "A task has a title of at most 200 characters.";
    case "account_deleted":
      return "This account was deleted.";
    default:
      return `It was not saved. If it happens again, report this number: ${error.request_id}.`;
  }
}

export async function enter(form: FormData): Promise<void> {
  const given = (name: string) => String(form.get(name));
  const account = { email: given("email"), password: given("password") };
  const asked = { headers: await headers() };
  if (form.get("name")) await auth.api.signUpEmail({ ...asked, body: { ...account, name: given("name") } });
  else await auth.api.signInEmail({ ...asked, body: account });
  redirect("/");
}

export async function signOut(): Promise<void> {
  await auth.api.signOut({ headers: await headers() });
  redirect("/sign-in");
}
