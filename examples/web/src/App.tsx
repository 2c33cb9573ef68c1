// Who is there decides what is shown.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useUser } from "./auth";
import { Banner } from "./components/Banner";
import { SignIn } from "./components/SignIn";
import { Tasks } from "./components/Tasks";
import { Toaster } from "./components/Toaster";

export function App() {
  const { user, isRepeating } = useUser();
  useOnlyListsOf(user?.id);
  return (
    <>
      {user ? <Tasks key={user.id} user={user} /> : user === null ? <SignIn /> : <Opening isRepeating={isRepeating} />}
      <Toaster />
    </>
  );
}

/** A guest who becomes an account begins with an empty copy, and nothing of the guest stays. */
function useOnlyListsOf(userId: string | undefined) {
  const client = useQueryClient();
  useEffect(() => {
    if (userId === undefined) return;
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" && queryKey[1] !== userId });
  }, [client, userId]);
}

function Opening({ isRepeating }: { isRepeating: boolean }) {
  return (
    <main className="opening" aria-busy="true">
      <Banner waiting={0} isRepeating={isRepeating} />
      <p className="visually-hidden">Opening…</p>
    </main>
  );
}
