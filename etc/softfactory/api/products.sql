-- GET /api/platform/products
-- The products on offer; price is in won a month.
-- @param category text in commerce,cooking,marketing,tools,analytics
-- @page 50 max 200
-- @sort name,price
-- @cache 1h
-- @http public, no-cache
-- @warm
/* no-cache: a browser keeps it and asks each time whether it still holds, so
 * that it too shows a write at once; mostly the answer is an empty 304. */
SELECT p.id, p.name, p.category, p.description, p.price, p.created_at
  FROM products p
 WHERE p.is_active = 1 AND (:category IS NULL OR p.category = :category)
 ORDER BY p.id;

-- POST /api/platform/products
-- A new product; names are unique.
-- @auth admin
-- @param name text required min 1 max 80
-- @param category text required in commerce,cooking,marketing,tools,analytics
-- @param description text default '' max 1000
-- @param price integer required min 0
-- @one
-- @json is_active
-- @status 201
INSERT INTO products (name, category, description, price)
VALUES (:name, :category, :description, :price)
RETURNING id, name, category, description, price,
          iif(is_active, 'true', 'false') AS is_active, created_at;

-- GET /api/platform/products/{id}
-- One product, also when it is no longer on offer.
-- @param id integer min 1
-- @one
-- @json is_active
-- @cache 1h
-- @http public, no-cache
SELECT p.id, p.name, p.category, p.description, p.price,
       iif(p.is_active, 'true', 'false') AS is_active, p.created_at
  FROM products p WHERE p.id = :id;

-- PUT /api/platform/products/{id}
-- Changes what is named and leaves the rest.
-- @auth admin
-- @param id integer min 1
-- @param name text min 1 max 80
-- @param category text in commerce,cooking,marketing,tools,analytics
-- @param description text max 1000
-- @param price integer min 0
-- @param is_active boolean
-- @one
-- @json is_active
UPDATE products
   SET name = coalesce(:name, name),
       category = coalesce(:category, category),
       description = coalesce(:description, description),
       price = coalesce(:price, price),
       is_active = coalesce(:is_active, is_active)
 WHERE id = :id
RETURNING id, name, category, description, price,
          iif(is_active, 'true', 'false') AS is_active, created_at;

-- DELETE /api/platform/products/{id}
-- Only a product that nobody ever subscribed to; 409 otherwise.
-- @auth admin
-- @param id integer min 1
-- @one
DELETE FROM products WHERE id = :id RETURNING id;
