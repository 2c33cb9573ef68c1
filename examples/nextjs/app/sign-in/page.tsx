// The door: with a name it makes an account.
import { enter } from "../actions";

export default function SignIn() {
  return (
    <main>
      <h1>Tasks</h1>
      <form action={enter}>
        <input name="name" aria-label="Name" placeholder="Name, if you are new" autoComplete="name" />
        <input name="email" type="email" aria-label="E-mail" placeholder="E-mail" autoComplete="email" required />
        <input name="password" type="password" aria-label="Password" placeholder="Password" minLength={8} required />
        <button type="submit">Enter</button>
      </form>
    </main>
  );
}
