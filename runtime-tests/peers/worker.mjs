// workerd with `jose`, whose files are modules of the worker.

import * as jose from "./jose/index.js";
import { verifier } from "./verify.mjs";

let verify;

export default {
  async fetch(request, env) {
    verify ??= verifier(jose, env.KEYS, env.ISSUER, env.AUDIENCE);
    const { pathname } = new URL(request.url);
    const [status, body] = await verify(request.method, pathname, request.headers.get("authorization"));
    return new Response(body, { status, headers: { "content-type": "application/json" } });
  },
};
