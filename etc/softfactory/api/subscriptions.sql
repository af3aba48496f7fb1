-- GET /api/platform/subscriptions
-- One's own subscriptions, the active ones first; price is in won a month.
-- @auth user
-- @param status text in active,cancelled,expired
-- @page 20 max 100
-- @cache 5m
-- @http private, no-cache
SELECT s.id, s.product_id, p.name AS product_name, s.price, s.status,
       s.ends_on, s.created_at
  FROM subscriptions s JOIN products p ON p.id = s.product_id
 WHERE s.user_id = :auth.user_id AND (:status IS NULL OR s.status = :status)
 ORDER BY s.status, s.id;

-- POST /api/platform/subscriptions
-- Subscribes to a product at its price of this moment. 400 when the product
-- is no longer on offer, 409 when there is none or one has it already.
-- @auth user
-- @param product_id integer required min 1
-- @param ends_on date
-- @one
-- @status 201
-- @rate 2/s burst 10 by user
/* Without a product the price is 0, and the foreign key refuses the row. */
INSERT INTO subscriptions (user_id, product_id, price, ends_on)
VALUES (:auth.user_id, :product_id,
        coalesce((SELECT price FROM products WHERE id = :product_id), 0),
        :ends_on)
RETURNING id, product_id, price, status, ends_on, created_at;
