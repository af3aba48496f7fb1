-- GET /cached/products
-- A list of 55 rows, 9.6 kB.
-- @cache 1h
SELECT id, name, category, description, price, created_at
  FROM products WHERE is_active = 1 ORDER BY price, id LIMIT 55;

-- GET /cached/mine
-- A list as long, for each user another one.
-- @auth user
-- @cache 1h
SELECT :auth.user_id AS user_id, id, name, category, description, price,
       created_at
  FROM products WHERE is_active = 1 ORDER BY price, id LIMIT 52;

-- GET /cached/chefs/{id}
-- One row.
-- @param id integer
-- @one
-- @cache 1h
SELECT id, name, cuisine, city, hourly_rate, rating, review_count, created_at
  FROM chefs WHERE id = :id;

-- GET /cached/notes/{id}
-- A short answer for any number: as many entries as one likes.
-- @param id integer
-- @one
-- @cache 1h
SELECT :id AS id, name, price FROM products WHERE id = 1 + :id % 50;

-- GET /notes/{id}
-- The same, not kept.
-- @param id integer
-- @one
SELECT :id AS id, name, price FROM products WHERE id = 1 + :id % 50;

-- GET /cached/lists/{id}
-- 9.6 kB for any number.
-- @param id integer
-- @cache 1h
SELECT :id AS list_id, id, name, category, description, price, created_at
  FROM products WHERE is_active = 1 ORDER BY price, id LIMIT 50;

-- GET /lists/{id}
-- The same, not kept.
-- @param id integer
SELECT :id AS list_id, id, name, category, description, price, created_at
  FROM products WHERE is_active = 1 ORDER BY price, id LIMIT 50;
