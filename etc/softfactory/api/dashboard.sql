-- GET /api/platform/dashboard
-- Counts, revenue in won and what happened last: of the whole platform for
-- an admin, of one's own for everybody else.
-- @auth user
-- @one
-- @json recent_bookings,recent_posts
-- @cache 1m
-- @http private, no-cache
/* Of the two halves one has a false WHERE, and none of its subqueries runs.
 * Revenue is what completed bookings brought; sums read indices only. */
SELECT 'platform' AS scope,
       (SELECT count(*) FROM users WHERE is_active = 1) AS users,
       (SELECT count(*) FROM chefs WHERE is_active = 1) AS chefs,
       (SELECT count(*) FROM products WHERE is_active = 1) AS products,
       (SELECT count(*) FROM bookings) AS bookings,
       (SELECT count(*) FROM bookings WHERE status = 'pending')
           AS pending_bookings,
       (SELECT coalesce(sum(hourly_rate * duration_hours), 0) FROM bookings
         WHERE status = 'completed') AS revenue,
       (SELECT count(*) FROM sns_posts WHERE status = 'published') AS posts,
       (SELECT count(*) FROM subscriptions WHERE status = 'active')
           AS subscriptions,
       (SELECT coalesce(sum(price), 0) FROM subscriptions
         WHERE status = 'active') AS monthly,
       (SELECT json_group_array(json_object('id', l.id, 'chef_name', l.name,
                   'booking_date', l.booking_date, 'status', l.status,
                   'total_price', l.total_price))
          FROM (SELECT b.id, c.name, b.booking_date, b.status, b.total_price
                  FROM bookings b JOIN chefs c ON c.id = b.chef_id
                 WHERE b.booking_date >= '2000-01-01' -- all: searches the index
                 ORDER BY b.booking_date DESC, b.id DESC LIMIT 5) l)
           AS recent_bookings,
       (SELECT json_group_array(json_object('id', l.id, 'content', l.content,
                   'status', l.status, 'created_at', l.created_at))
          FROM (SELECT p.id, p.content, p.status, p.created_at
                  FROM sns_posts p WHERE p.status = 'published'
                 ORDER BY p.id DESC LIMIT 5) l) AS recent_posts
 WHERE :auth.role = 'admin'
UNION ALL
SELECT 'own', NULL,
       (SELECT count(*) FROM chefs WHERE is_active = 1),
       (SELECT count(*) FROM products WHERE is_active = 1),
       (SELECT count(*) FROM bookings WHERE user_id = :auth.user_id),
       (SELECT count(*) FROM bookings
         WHERE user_id = :auth.user_id AND status = 'pending'),
       (SELECT coalesce(sum(hourly_rate * duration_hours), 0) FROM bookings
         WHERE user_id = :auth.user_id AND status = 'completed'),
       (SELECT count(*) FROM sns_posts
         WHERE user_id = :auth.user_id AND status = 'published'),
       (SELECT count(*) FROM subscriptions
         WHERE user_id = :auth.user_id AND status = 'active'),
       (SELECT coalesce(sum(price), 0) FROM subscriptions
         WHERE user_id = :auth.user_id AND status = 'active'),
       (SELECT json_group_array(json_object('id', l.id, 'chef_name', l.name,
                   'booking_date', l.booking_date, 'status', l.status,
                   'total_price', l.total_price))
          FROM (SELECT b.id, c.name, b.booking_date, b.status, b.total_price
                  FROM bookings b JOIN chefs c ON c.id = b.chef_id
                 WHERE b.user_id = :auth.user_id
                 ORDER BY b.booking_date DESC, b.id DESC LIMIT 5) l),
       (SELECT json_group_array(json_object('id', l.id, 'content', l.content,
                   'status', l.status, 'created_at', l.created_at))
          FROM (SELECT p.id, p.content, p.status, p.created_at
                  FROM sns_posts p WHERE p.user_id = :auth.user_id
                 ORDER BY p.created_at DESC, p.id DESC LIMIT 5) l)
 WHERE :auth.role <> 'admin';
