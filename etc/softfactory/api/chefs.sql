-- GET /api/coocook/chefs
-- The active chefs, best rated first; hourly_rate is in won.
-- @param cuisine text min 1 max 40
-- @param min_rating real default 0 min 0 max 5
-- @page 20 max 100
-- @sort name,rating,hourly_rate
-- @cache 30m
-- @http public, max-age=60, stale-while-revalidate=300
-- @warm
/* A browser may show a list that is a minute old; this server does not.
 * likely(): few ask for a rating, so the index is chosen by the order. */
SELECT c.id, c.name, c.cuisine, c.city, c.hourly_rate, c.rating,
       c.review_count
  FROM chefs c
 WHERE c.is_active = 1 AND likely(c.rating >= :min_rating)
   AND (:cuisine IS NULL OR c.cuisine = :cuisine)
 ORDER BY c.rating DESC, c.review_count DESC, c.id DESC;

-- GET /api/coocook/chefs/{id}
-- One active chef with the five latest reviews.
-- @param id integer min 1
-- @one
-- @json reviews
-- @cache 30m
-- @http public, no-cache
SELECT c.id, c.name, c.cuisine, c.city, c.bio, c.hourly_rate, c.rating,
       c.review_count, c.created_at,
       (SELECT json_group_array(json_object('id', l.id, 'stars', l.stars,
                   'comment', l.comment, 'author', l.author,
                   'created_at', l.created_at))
          FROM (SELECT r.id, r.stars, r.comment, u.name AS author,
                       r.created_at
                  FROM reviews r JOIN users u ON u.id = r.user_id
                 WHERE r.chef_id = c.id
                 ORDER BY r.created_at DESC, r.id DESC LIMIT 5) l) AS reviews
  FROM chefs c WHERE c.id = :id AND c.is_active = 1;

-- PUT /api/coocook/chefs/{id}
-- Chefs change themselves, an admin everyone; what is not named stays.
-- @auth user
-- @param id integer min 1
-- @param name text min 1 max 80
-- @param cuisine text min 1 max 40
-- @param city text min 1 max 40
-- @param bio text max 2000
-- @param hourly_rate integer min 0
-- @param is_active boolean
-- @one
-- @json is_active
UPDATE chefs
   SET name = coalesce(:name, name),
       cuisine = coalesce(:cuisine, cuisine),
       city = coalesce(:city, city),
       bio = coalesce(:bio, bio),
       hourly_rate = coalesce(:hourly_rate, hourly_rate),
       is_active = coalesce(:is_active, is_active)
 WHERE id = :id AND (user_id = :auth.user_id OR :auth.role = 'admin')
RETURNING id, name, cuisine, city, bio, hourly_rate, rating, review_count,
          iif(is_active, 'true', 'false') AS is_active, created_at;

-- GET /api/coocook/chefs/{id}/reviews
-- What people said of a chef, latest first.
-- @param id integer min 1
-- @page 20 max 100
-- @cache 30m
SELECT r.id, r.stars, r.comment, u.name AS author, r.created_at
  FROM reviews r JOIN users u ON u.id = r.user_id
 WHERE r.chef_id = :id
 ORDER BY r.created_at DESC, r.id DESC;

-- POST /api/coocook/chefs/{id}/reviews
-- One's own review of a chef, once; it moves the chef's rating.
-- @auth user
-- @param id integer min 1
-- @param stars integer required min 1 max 5
-- @param comment text default '' max 1000
-- @one
-- @status 201
-- @rate 2/s burst 10 by user
INSERT INTO reviews (chef_id, user_id, stars, comment)
VALUES (:id, :auth.user_id, :stars, :comment)
RETURNING id, chef_id, stars, comment, created_at;
