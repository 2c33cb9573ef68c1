// Whose tasks these are; a guest becomes an account here, and an account ends here.
import { type FormEvent, useState } from "react";
import { deleteAccount, signOut, type User } from "../auth";
import { AccountForm } from "./AccountForm";
import { useOnline } from "./Banner";
import { Dialog } from "./Dialog";

export function Account({ user, waiting, onClose }: { user: User; waiting: number; onClose: () => void }) {
  const [isLeaving, setLeaving] = useState(false);
  const canLink = useOnline() && waiting === 0;
  return (
    <Dialog title={user.isGuest ? "You are a guest" : user.name} onClose={onClose}>
      {!user.isGuest && <p className="quiet">{user.email}</p>}
      {user.isGuest && canLink && (
        <>
          <p>Create an account, and your tasks go with you.</p>
          <AccountForm begin="sign-up" />
        </>
      )}
      {user.isGuest && !canLink && <p>You can create an account as soon as all your changes are sent.</p>}
      <hr />
      <SignOut waiting={waiting} isGuest={user.isGuest} />
      {isLeaving ? (
        <DeleteAccount isGuest={user.isGuest} />
      ) : (
        <button type="button" className="link is-danger" onClick={() => setLeaving(true)}>
          Delete {user.isGuest ? "these tasks" : "this account"}…
        </button>
      )}
    </Dialog>
  );
}

function SignOut({ waiting, isGuest }: { waiting: number; isGuest: boolean }) {
  const [wrong, setWrong] = useState(false);
  const lost = isGuest
    ? "Nobody can come back to a guest's tasks."
    : `${waiting === 1 ? "One change is" : `${waiting} changes are`} not sent yet, and would be lost.`;
  return (
    <>
      {(waiting > 0 || isGuest) && <p className="hint">{lost}</p>}
      <button type="button" className="secondary" onClick={() => signOut().catch(() => setWrong(true))}>
        {waiting > 0 || isGuest ? "Sign out anyway" : "Sign out"}
      </button>
      {wrong && (
        <p role="alert" className="wrong">
          The sign-in server does not answer. Try again in a moment.
        </p>
      )}
    </>
  );
}

function DeleteAccount({ isGuest }: { isGuest: boolean }) {
  const [wrong, setWrong] = useState<string>();
  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const password = new FormData(event.currentTarget).get("password");
    setWrong(await deleteAccount(isGuest ? undefined : String(password)));
  }
  return (
    <form className="account-form" onSubmit={submit}>
      <p>Everything in it goes, for good.</p>
      {!isGuest && (
        <label>
          Your password
          <input name="password" type="password" autoComplete="current-password" required autoFocus />
        </label>
      )}
      {wrong && (
        <p role="alert" className="wrong">
          {wrong}
        </p>
      )}
      <button type="submit" className="danger">
        Delete everything
      </button>
    </form>
  );
}
