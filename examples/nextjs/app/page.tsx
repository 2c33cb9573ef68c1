// A server component: it reads the tasks with a token of whoever has sent the request.
import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { take } from "todo-api-client";
import { auth } from "../lib/auth";
import { me, todoClient } from "../lib/todo";
import { signOut } from "./actions";
import { AddTask } from "./AddTask";
import { Tick } from "./Tick";

export default async function Page() {
  const session = await auth.api.getSession({ headers: await headers() });
  if (session === null) redirect("/sign-in");
  const todo = await todoClient();
  const { items } = await take(todo.GET("/api/v1/users/{user_id}/tasks", { params: { path: me } }));
  return (
    <main>
      <h1>Tasks of {session.user.name}</h1>
      <AddTask requestKey={crypto.randomUUID()} />
      <ul>
        {items.map((task) => (
          <li key={task.id}>
            <Tick task={task} userId={session.user.id} />
          </li>
        ))}
      </ul>
      <form action={signOut}>
        <button type="submit">Sign out</button>
      </form>
    </main>
  );
}
