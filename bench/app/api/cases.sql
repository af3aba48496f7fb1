-- GET /chefs/{id}
-- An indexed read of one row.
-- @param id integer
-- @one
SELECT id, name, cuisine, city, hourly_rate, rating, review_count, created_at
  FROM chefs WHERE id = :id;

-- GET /users/{user_id}/bookings
-- A join of 20 rows.
-- @param user_id integer
SELECT b.id, b.booking_date, b.duration_hours, b.total_price, b.status,
       b.chef_id, c.name AS chef_name
  FROM bookings b JOIN chefs c ON c.id = b.chef_id
 WHERE b.user_id = :user_id
 ORDER BY b.booking_date DESC, b.id DESC LIMIT 20;

-- GET /products
-- A list of 50 rows.
SELECT id, name, category, description, price, created_at
  FROM products WHERE is_active = 1 ORDER BY price, id LIMIT 50;

-- POST /orders
-- An insert into a table with three indices.
-- @auth public
-- @param user_id integer required
-- @param chef_id integer required
-- @param booking_date date required
-- @param duration_hours integer default 2 min 1 max 24
-- @one
-- @status 201
INSERT INTO orders (user_id, chef_id, booking_date, duration_hours)
VALUES (:user_id, :chef_id, :booking_date, :duration_hours)
RETURNING id, chef_id, booking_date, status;
