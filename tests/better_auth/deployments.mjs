// Better Auth servers of the kinds that the tests need, in one process: as the JSON in DEPLOYMENTS says.
import { createServer } from "node:http";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { anonymous, bearer, jwt } from "better-auth/plugins";
import { SignJWT } from "jose";
import pg from "pg";
import { moveTasks } from "./guests.mjs";

// What guides tell people to do in a route of their own, and what jwt.sign may be set to.
const sign = (claims, secret) =>
  new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(secret));

// As docs/better-auth.md says it; `auth` is known once the plugin is made.
const guests = (api, auth) => {
  const signed = async ({ id, email, name }) => {
    const { token } = await auth().api.signJWT({ body: { payload: { sub: id, email, name } } });
    return { id, token };
  };
  const onLinkAccount = async ({ anonymousUser, newUser }) =>
    moveTasks(api, await signed(anonymousUser.user), await signed(newUser.user));
  return anonymous({ onLinkAccount });
};

function deploy({ url, database, secret, jwt: plugin = {}, signs, api, options = {} }) {
  const mails = [];
  const custom = {
    jwks: { remoteUrl: `${url}/keys`, keyPairConfig: { alg: "EdDSA" } },
    jwt: { sign: (claims) => sign(claims, secret) },
  };
  const auth = betterAuth({
    baseURL: url,
    secret,
    database: new pg.Pool({ connectionString: database }),
    emailAndPassword: { enabled: true },
    emailVerification: { sendOnSignUp: true, sendVerificationEmail: async ({ token }) => void mails.push(token) },
    plugins: [bearer(), jwt(signs ? custom : plugin), ...(api ? [guests(api, () => auth)] : [])],
    ...options,
  });
  const answer = {
    "/hand-made": async (request) => {
      const { user } = await auth.api.getSession({ headers: new Headers({ cookie: request.headers.cookie }) });
      const now = Math.floor(Date.now() / 1000);
      const claims = { sub: user.id, email: user.email, name: user.name, iat: now, exp: now + 604800 };
      return sign(claims, (await auth.$context).secret);
    },
    "/without-iat": async () =>
      (await auth.api.signJWT({ body: { payload: { sub: "somebody", exp: Math.floor(Date.now() / 1000) + 60 } } })).token,
    "/last-mail": async () => mails.at(-1),
  };
  const handler = toNodeHandler(auth);
  const server = createServer(async (request, response) =>
    request.url in answer ? response.end(await answer[request.url](request)) : handler(request, response),
  );
  return { auth, listen: () => server.listen(Number(new URL(url).port), "127.0.0.1") };
}

await Promise.all(
  JSON.parse(process.env.DEPLOYMENTS).map(async (deployment) => {
    const { auth, listen } = deploy(deployment);
    await (await getMigrations(auth.options)).runMigrations();
    listen();
  }),
);
