// The same endpoints on Bun.serve and bun:sqlite.
//   bun bun.js PORT DATABASE APP
const { Database } = require("bun:sqlite");
const { statements } = require("./sql.js");

const [port, file, app] = process.argv.slice(2);
const db = new Database(file, { strict: true });
db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         PRAGMA cache_size = 10000; PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000`);

const found = statements(app);
const sql = (endpoint) => found[endpoint].map((text) => db.prepare(text));

const [chef] = sql("GET /chefs/{id}");
const [bookings] = sql("GET /users/{user_id}/bookings");
const [products] = sql("GET /products");
const [order] = sql("POST /orders");

const problem = (status, title) => Response.json({ status, title }, { status });

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  routes: {
    "/api/health": () => Response.json({ status: "ok" }),
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
            !/^\d{4}-\d\d-\d\d$/.test(booking_date))
          return problem(400, "Bad Request");
        const row = order.get({ user_id, chef_id, booking_date, duration_hours });
        return Response.json(row, { status: 201 });
      },
    },
  },
  fetch: () => problem(404, "Not Found"),
});
