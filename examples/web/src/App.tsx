// Who is there decides what is shown.
import { useUser } from "./auth";
import { Banner } from "./components/Banner";
import { SignIn } from "./components/SignIn";
import { Tasks } from "./components/Tasks";
import { Toaster } from "./components/Toaster";

export function App() {
  const user = useUser();
  return (
    <>
      {user ? <Tasks key={user.id} user={user} /> : user === null ? <SignIn /> : <Opening />}
      <Toaster />
    </>
  );
}

function Opening() {
  return (
    <main className="opening" aria-busy="true">
      <Banner waiting={0} isRepeating={false} />
      <p className="visually-hidden">Opening…</p>
    </main>
  );
}
