// Signs somebody in or up: whoever is new, whoever comes back, and a guest who stays.
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { askAgain, auth, sentence } from "../auth";

type Mode = "sign-up" | "sign-in";

export function AccountForm({ begin }: { begin: Mode }) {
  const client = useQueryClient();
  const [mode, setMode] = useState(begin);
  const [wrong, setWrong] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const isNew = mode === "sign-up";

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const [name, email, password] = ["name", "email", "password"].map((field) => String(given.get(field) ?? ""));
    const fields = { email: email ?? "", password: password ?? "" };
    setBusy(true);
    const { error } = isNew
      ? await auth.signUp.email({ ...fields, name: name ?? "" })
      : await auth.signIn.email(fields);
    if (error === null) await askAgain(client);
    setWrong(error === null ? undefined : sentence(error));
    setBusy(false);
  }

  return (
    <form className="account-form" onSubmit={submit}>
      {isNew && (
        <label>
          Name
          <input name="name" autoComplete="name" required maxLength={100} />
        </label>
      )}
      <label>
        E-mail
        <input name="email" type="email" autoComplete="email" required />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete={isNew ? "new-password" : "current-password"}
          minLength={8}
          required
          aria-describedby={isNew ? "password-rule" : undefined}
        />
        {isNew && <small id="password-rule">At least 8 characters.</small>}
      </label>
      {wrong && (
        <p role="alert" className="wrong">
          {wrong}
        </p>
      )}
      <button type="submit" className="primary" disabled={isBusy}>
        {isNew ? "Create account" : "Sign in"}
      </button>
      <p className="switch">
        {isNew ? "You have an account? " : "You are new here? "}
        <button type="button" className="link" onClick={() => setMode(isNew ? "sign-in" : "sign-up")}>
          {isNew ? "Sign in" : "Create an account"}
        </button>
      </p>
    </form>
  );
}
