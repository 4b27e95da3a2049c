// What Node and workerd do with a request: the same as the gate before `whoami`, by `jose`.

/** A handler of one request: the bearer token's text in, status and body out. */
export function verifier(jose, keys, issuer, audience) {
  const keySet = jose.createLocalJWKSet(keys);
  return async (method, target, authorization) => {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (!token) return [401, ""];
    try {
      const { payload } = await jose.jwtVerify(token, keySet, {
        issuer,
        audience,
        algorithms: ["RS256", "ES256", "EdDSA"],
      });
      if (!(payload.scope ?? "").split(" ").includes("bench")) return [403, ""];
      const identity = { issuer: payload.iss, scope: payload.scope, subject: payload.sub };
      return [200, `${JSON.stringify({ identity, method, target })}\n`];
    } catch {
      return [401, ""];
    }
  };
}
