// An application that knows nothing of the gate before it: it believes the fields that reach it.
//
// - `…/body` answers with the request's body, as a stream.
// - `…/throw`, `…/trap` and `…/never` throw, end the whole instance, and never answer.
// - everything else answers with method, URL and header fields, as JSON.

addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

async function answer(request) {
  switch (new URL(request.url).pathname.split("/").pop()) {
    case "body":
      return new Response(request.body);
    case "throw":
      throw new Error("as asked");
    case "trap":
      // More than an instance may have.
      for (const taken = []; ; ) taken.push(new Uint8Array(1 << 24).fill(1));
    case "never":
      console.log("never");
      for (;;) await new Promise((later) => setTimeout(later, 20));
  }
  const { method, url, headers } = request;
  return Response.json({ method, url, headers: [...headers] });
}
