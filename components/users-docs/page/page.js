// The token that somebody types in stays in this page: it is not kept, and sent nowhere but here.
SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#users",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
