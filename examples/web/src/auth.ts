// Who is signed in. It is kept with the lists, so that the page opens without a network too.
import { queryOptions, type QueryClient, useQuery } from "@tanstack/react-query";
import { createAuthClient } from "better-auth/client";
import { anonymousClient } from "better-auth/client/plugins";
import { forgetAll } from "./kept";

export const auth = createAuthClient({ plugins: [anonymousClient()] });

export interface User {
  id: string;
  name: string;
  email: string;
  isGuest: boolean;
}

const session = queryOptions({
  queryKey: ["session"],
  queryFn: async (): Promise<User | null> => {
    const { data, error } = await auth.getSession();
    // Whoever cannot be asked has not signed anybody out.
    if (error) throw new Error(error.message ?? "no session could be had");
    if (data === null) return null;
    const { id, name, email, isAnonymous } = data.user;
    return { id, name, email, isGuest: isAnonymous === true };
  },
  retry: true,
});

/** `user` is undefined while it is not known, null where nobody is signed in. */
export function useUser(): { user: User | null | undefined; isRepeating: boolean } {
  const { data: user, failureCount } = useQuery(session);
  return { user, isRepeating: failureCount > 0 };
}

/** After anything that may have changed who is signed in, here or in another tab. */
export function askAgain(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: session.queryKey });
}

/** Nothing of this person stays, neither in storage nor in memory. */
export async function signOut(): Promise<void> {
  const { error } = await auth.signOut();
  if (error) throw new Error(error.message);
  leave();
}

/** For good, with all tasks; guests have no password. Gives what is wrong, as a sentence. */
export async function deleteAccount(password: string | undefined): Promise<string | undefined> {
  const { error } = await auth.deleteUser(password === undefined ? {} : { password });
  if (error === null) leave();
  return error === null ? undefined : sentence(error);
}

function leave(): void {
  forgetAll();
  location.assign("/");
}

interface AuthError {
  code?: string | undefined;
  message?: string | undefined;
  status: number;
}

/** What Better Auth says, in words for people. */
export function sentence({ code, message, status }: AuthError): string {
  if (code === "INVALID_EMAIL_OR_PASSWORD") return "That e-mail address and password do not match.";
  if (code?.startsWith("USER_ALREADY_EXISTS")) return "There is an account with this address. Sign in instead.";
  if (code === "INVALID_PASSWORD") return "That is not your password.";
  if (status === 429) return "Too many attempts. Wait a minute, then try again.";
  if (status === 0 || status >= 500) return "The sign-in server does not answer. Try again in a moment.";
  return message ?? "That did not work.";
}
