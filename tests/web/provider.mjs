// A provider of OpenID Connect for the console's tests: whoever names themselves is vouched for.
//
//     node provider.mjs PORT REDIRECT_URI SECRET
//
// Says `ready` on standard output once it listens, and ends when standard input does.
import { webcrypto } from "node:crypto";
import { createServer } from "node:http";

// An older Node has it, and not where the provider looks for it.
globalThis.crypto ??= webcrypto;
const { default: Provider } = await import("oidc-provider");

const [port, redirectUri, secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "lienthong-console", client_secret: secret, redirect_uris: [redirectUri] }],
  cookies: { keys: [secret] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/who/${interaction.uid}` },
  pkce: { required: () => true },
});

async function answer(request, response) {
  if (!request.url.startsWith("/who/")) return provider.callback()(request, response);
  const { prompt, session, params, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === "consent") {
    const grant = grantId
      ? await provider.Grant.find(grantId)
      : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope("openid");
    const consent = { grantId: await grant.save() };
    return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  }
  if (request.method === "POST") {
    let body = "";
    for await (const piece of request) body += piece;
    const accountId = new URLSearchParams(body).get("login");
    return provider.interactionFinished(request, response, { login: { accountId } });
  }
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(`<!doctype html><title>Who</title><form method="post"><label>Name <input id="login" name="login"></label><button id="enter">Enter</button></form>`);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.statusCode = 500;
    response.end();
  });
});
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
