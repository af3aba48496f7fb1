-- Chefs and what they may do.

-- GET /api/coocook/chefs/{id}
-- One chef, with the average of the reviews.
-- @param id integer min 1
-- @one
-- @cache 30m
-- @http public, max-age=60, must-revalidate
SELECT c.id, c.name, avg(r.stars) AS rating
  FROM chefs c LEFT JOIN reviews r ON r.chef_id = c.id
 WHERE c.id = :id AND c.is_active GROUP BY c.id;

-- GET /api/coocook/chefs
-- @param cuisine text max 40 in italian,'far eastern',"chef's own"
-- @param rating real default 0 min 0 max 5
-- @param active boolean default true
-- @param since date min 2020-01-01
-- @param at datetime default '2024-02-29 12:00'
-- @param like json default [1,{"a":null}]
-- @param face blob max 3 default QUJD
-- @param code text pattern [A-Z]{2}(-[0-9]+)?|none
-- @page 20 max 100
-- @sort name, rating
-- @json tags
-- @rate 10/m burst 20 by user
-- @timeout 500ms
SELECT :cuisine, :rating, :active, :since, :at, :like, :face, :code;

-- POST /api/platform/batch-create-bookings/{kind}
-- @auth user
-- @each bookings max 500
-- @param chef_id integer required
-- @param hours integer default 2 min 1 max 24
-- @status 201
-- @none
INSERT INTO bookings (user_id, role, kind, chef_id, hours)
VALUES (:auth.user_id, :auth.role, :kind, :chef_id, :hours)
RETURNING id;

-- GET /
-- @page key=-created_at,-id 50
-- @cache 1m
-- @warm
-- @auth public
SELECT created_at, id FROM posts ORDER BY created_at DESC, id DESC;
