// The same endpoints on Bun.serve and bun:sqlite: those of the plain cases or
// SoftFactory's own, whichever the app's folder has.
//   bun bun.js PORT DATABASE APP
// SYNCHRONOUS in the environment is NORMAL (when unsaid) or FULL.
const { Database } = require("bun:sqlite");
const { answerOf, userOf: keptUser } = require("./answers.js");
const { statements } = require("./sql.js");

const [port, file, app] = process.argv.slice(2);
const db = new Database(file, { strict: true });
const { SYNCHRONOUS = "NORMAL" } = process.env;
db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${SYNCHRONOUS};
         PRAGMA cache_size = 10000; PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000`);

const found = statements(app);
const sql = (endpoint) => db.prepare(found[endpoint][0]);

const problem = (status, title) => Response.json({ status, title }, { status });
const isDate = (text) => /^\d{4}-\d\d-\d\d$/.test(text);

const tokenSql = `SELECT user_id, role FROM tokens WHERE sha256 = ?
                  AND (expires_at IS NULL OR expires_at > ?)`;

function cachedRoutes() {
  const products = sql("GET /cached/products");
  const mine = sql("GET /cached/mine");
  const chef = sql("GET /cached/chefs/{id}");
  const token = db.prepare(tokenSql);

  const give = (req, key, make) => {
    const { headers } = req;
    const found = answerOf(key, make, headers.get("accept-encoding"),
      headers.get("if-none-match"));
    return new Response(found.body, found);
  };
  const userOf = (authorization) => {
    if (!/^bearer /i.test(authorization)) return null;
    const digest = new Bun.CryptoHasher("sha256").update(authorization.slice(7));
    return token.get(digest.digest("hex"), new Date().toISOString());
  };

  return {
    "/cached/products": (req) => give(req, "products", () => products.all()),
    "/cached/mine": (req) => {
      const user = keptUser(req.headers.get("authorization") ?? "", userOf);
      if (!user) return problem(401, "Unauthorized");
      const auth_user_id = user.user_id;
      return give(req, `mine ${auth_user_id}`, () => mine.all({ auth_user_id }));
    },
    "/cached/chefs/:id": (req) => {
      const id = Number(req.params.id);
      return give(req, `chef ${id}`, () => chef.get({ id }));
    },
  };
}

function plainRoutes() {
  const chef = sql("GET /chefs/{id}");
  const bookings = sql("GET /users/{user_id}/bookings");
  const products = sql("GET /products");
  const order = sql("POST /orders");

  return {
    "/chefs/:id": (req) => {
      const row = chef.get({ id: Number(req.params.id) });
      return row ? Response.json(row) : problem(404, "Not Found");
    },
    "/users/:id/bookings": (req) =>
      Response.json(bookings.all({ user_id: Number(req.params.id) })),
    "/products": () => Response.json(products.all()),
    "/orders": {
      POST: async (req) => {
        const { user_id, chef_id, booking_date, duration_hours = 2 } =
          await req.json();
        if (!Number.isInteger(user_id) || !Number.isInteger(chef_id) ||
            !isDate(booking_date))
          return problem(400, "Bad Request");
        const row = order.get({ user_id, chef_id, booking_date, duration_hours });
        return Response.json(row, { status: 201 });
      },
    },
  };
}

function platformRoutes() {
  const paged = (endpoint, tail) =>
    db.prepare(`SELECT * FROM (${found[endpoint][0]}\n)${tail}`);
  const chef = sql("GET /api/coocook/chefs/{id}");
  const bookings = paged("GET /api/coocook/bookings",
    " ORDER BY booking_date DESC, id DESC LIMIT :limit OFFSET :offset");
  const products = paged("GET /api/platform/products",
    " LIMIT :limit OFFSET :offset");
  const booking = sql("POST /api/coocook/bookings");
  const token = db.prepare(tokenSql);

  const userOf = (req) => {
    const header = req.headers.get("authorization") ?? "";
    if (!/^bearer /i.test(header)) return null;
    const digest = new Bun.CryptoHasher("sha256").update(header.slice(7));
    return token.get(digest.digest("hex"), new Date().toISOString());
  };
  const limits = (query, size, most) => ({
    limit: Math.min(Number(query.get("limit") ?? size), most),
    offset: Number(query.get("offset") ?? 0),
  });
  const queryOf = (req) => new URL(req.url).searchParams;

  return {
    "/api/coocook/chefs/:id": (req) => {
      const row = chef.get({ id: Number(req.params.id) });
      if (!row) return problem(404, "Not Found");
      row.reviews = JSON.parse(row.reviews);
      return Response.json(row);
    },
    "/api/coocook/bookings": {
      GET: (req) => {
        const user = userOf(req);
        if (!user) return problem(401, "Unauthorized");
        const query = queryOf(req);
        return Response.json(bookings.all({
          auth_user_id: user.user_id,
          status: query.get("status"),
          from: query.get("from"),
          to: query.get("to"),
          ...limits(query, 20, 100),
        }));
      },
      POST: async (req) => {
        const user = userOf(req);
        if (!user) return problem(401, "Unauthorized");
        const { chef_id, booking_date, duration_hours = 2 } = await req.json();
        if (!Number.isInteger(chef_id) || !isDate(booking_date))
          return problem(400, "Bad Request");
        const row = booking.get({
          auth_user_id: user.user_id, chef_id, booking_date, duration_hours,
        });
        return Response.json(row, { status: 201 });
      },
    },
    "/api/platform/products": (req) => {
      const query = queryOf(req);
      return Response.json(products.all({
        category: query.get("category"),
        ...limits(query, 50, 200),
      }));
    },
  };
}

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  routes: {
    "/api/health": () => Response.json({ status: "ok" }),
    ...(found["GET /chefs/{id}"]
      ? { ...plainRoutes(), ...cachedRoutes() } : platformRoutes()),
  },
  fetch: () => problem(404, "Not Found"),
});
