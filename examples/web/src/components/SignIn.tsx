// The door: an account, or a look around as a guest.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { askAgain, auth, sentence } from "../auth";
import { AccountForm } from "./AccountForm";
import { Logo } from "./Logo";

export function SignIn() {
  const client = useQueryClient();
  const [wrong, setWrong] = useState<string>();

  async function lookAround() {
    const { error } = await auth.signIn.anonymous();
    if (error === null) await askAgain(client);
    setWrong(error === null ? undefined : sentence(error));
  }

  return (
    <main className="door">
      <div className="door-words">
        <Logo />
        <h1>A short list of what is to be done.</h1>
        <p>It opens at once, works without a network, and is the same on all your devices.</p>
      </div>
      <section className="card" aria-label="Your account">
        <AccountForm begin="sign-up" />
        <hr />
        <button type="button" className="secondary" onClick={lookAround}>
          Look around as a guest
        </button>
        <p className="hint">Your tasks stay yours when you create an account later.</p>
        {wrong && (
          <p role="alert" className="wrong">
            {wrong}
          </p>
        )}
      </section>
    </main>
  );
}
