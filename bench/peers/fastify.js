// The same endpoints on Fastify and better-sqlite3. Schemas are given, as
// Fastify advises: they check what comes in.
//   node fastify.js PORT DATABASE APP
// SYNCHRONOUS in the environment is NORMAL (when unsaid) or FULL.
const Database = require("better-sqlite3");
const fastify = require("fastify")({ logger: false });
const { createHash } = require("crypto");
const { answerOf, userOf } = require("./answers.js");
const { statements } = require("./sql.js");

const [port, file, app] = process.argv.slice(2);
const db = new Database(file, { fileMustExist: true, timeout: 5000 });
const { SYNCHRONOUS = "NORMAL" } = process.env;
for (const pragma of ["journal_mode = WAL", `synchronous = ${SYNCHRONOUS}`,
  "cache_size = 10000", "temp_store = MEMORY", "foreign_keys = ON"])
  db.pragma(pragma);

const found = statements(app);
const sql = (endpoint) => found[endpoint].map((text) => db.prepare(text));

const [chef] = sql("GET /chefs/{id}");
const [bookings] = sql("GET /users/{user_id}/bookings");
const [products] = sql("GET /products");
const [order] = sql("POST /orders");

const integer = { type: "integer" };
const withParam = (name) => ({
  schema: { params: { type: "object", properties: { [name]: integer } } },
});

fastify.get("/api/health", () => ({ status: "ok" }));
fastify.get("/chefs/:id", withParam("id"), (req, reply) => {
  const row = chef.get({ id: req.params.id });
  return row ?? reply.code(404).send({ status: 404, title: "Not Found" });
});
fastify.get("/users/:user_id/bookings", withParam("user_id"), (req) =>
  bookings.all({ user_id: req.params.user_id }));
fastify.get("/products", () => products.all());
fastify.post("/orders", {
  schema: {
    body: {
      type: "object",
      required: ["user_id", "chef_id", "booking_date"],
      properties: {
        user_id: integer,
        chef_id: integer,
        booking_date: { type: "string", format: "date" },
        duration_hours: { ...integer, minimum: 1, maximum: 24, default: 2 },
      },
    },
  },
}, (req, reply) => {
  reply.code(201);
  return order.get(req.body);
});

// ---- answers that are kept -------------------------------------------------

const [cachedProducts] = sql("GET /cached/products");
const [cachedMine] = sql("GET /cached/mine");
const [cachedChef] = sql("GET /cached/chefs/{id}");
const token = db.prepare(`SELECT user_id, role FROM tokens WHERE sha256 = ?
                          AND (expires_at IS NULL OR expires_at > ?)`);

function give(req, reply, key, make) {
  const found = answerOf(key, make, req.headers["accept-encoding"],
    req.headers["if-none-match"]);
  reply.code(found.status).headers(found.headers).send(found.body);
}

function findUser(authorization) {
  if (!/^bearer /i.test(authorization)) return null;
  const digest = createHash("sha256").update(authorization.slice(7));
  return token.get(digest.digest("hex"), new Date().toISOString());
}

fastify.get("/cached/products", (req, reply) => {
  give(req, reply, "products", () => cachedProducts.all());
});
fastify.get("/cached/mine", (req, reply) => {
  const user = userOf(req.headers.authorization ?? "", findUser);
  if (!user)
    return reply.code(401).send({ status: 401, title: "Unauthorized" });
  const auth_user_id = user.user_id;
  give(req, reply, `mine ${auth_user_id}`, () => cachedMine.all({ auth_user_id }));
});
fastify.get("/cached/chefs/:id", withParam("id"), (req, reply) => {
  const { id } = req.params;
  give(req, reply, `chef ${id}`, () => cachedChef.get({ id }));
});

fastify.listen({ host: "127.0.0.1", port: Number(port) });
