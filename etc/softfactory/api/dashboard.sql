-- GET /api/platform/dashboard
-- Counts, revenue in won and what happened last: of the whole platform for
-- an admin, of one's own for everybody else. The platform's revenue is that of
-- the job daily_revenue: up to 5 minutes old.
-- @auth user
-- @one
-- @json recent_bookings,recent_posts
-- @cache 1m
-- @http private, no-cache
/* Of the two halves one has a false WHERE, and none of its subqueries runs.
 * Revenue is what completed bookings brought: of the platform from the summary
 * (1.0 ms for 20,000 bookings, 2.0 from their index), of one's own, which are
 * few, from the bookings. */
SELECT 'platform' AS scope,
       (SELECT count(*) FROM users WHERE is_active = 1) AS users,
       (SELECT count(*) FROM chefs WHERE is_active = 1) AS chefs,
       (SELECT count(*) FROM products WHERE is_active = 1) AS products,
       (SELECT count(*) FROM bookings) AS bookings,
       (SELECT count(*) FROM bookings WHERE status = 'pending')
           AS pending_bookings,
       (SELECT coalesce(sum(revenue), 0) FROM daily_revenue
         WHERE day >= '2000-01-01') AS revenue, -- all: searches the key
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

-- GET /api/platform/revenue
-- Revenue in won of completed bookings: for each day that had some, and for
-- each chef, who earned most first; of so many days up to `until`, or up to the
-- last day with revenue. The job daily_revenue brings it up to date every
-- 5 minutes.
-- @auth admin
-- @param days integer default 30 min 1 max 366
-- @param until date
-- @one
-- @json by_day,by_chef
-- @cache 5m
-- @http private, no-cache
WITH
span(last, first) AS MATERIALIZED (
    SELECT last, date(last, '+1 days', '-' || :days || ' days')
      FROM (SELECT coalesce(:until, max(day)) AS last FROM daily_revenue)),
part(day, chef_id, bookings, revenue) AS MATERIALIZED (
    SELECT d.day, d.chef_id, d.bookings, d.revenue
      FROM span s JOIN daily_revenue d ON d.day BETWEEN s.first AND s.last)
SELECT first AS "from", last AS until,
       (SELECT coalesce(sum(bookings), 0) FROM part) AS bookings,
       (SELECT coalesce(sum(revenue), 0) FROM part) AS revenue,
       (SELECT json_group_array(json_object('day', l.day,
                   'bookings', l.bookings, 'revenue', l.revenue))
          FROM (SELECT day, sum(bookings) AS bookings, sum(revenue) AS revenue
                  FROM part GROUP BY day ORDER BY day) l) AS by_day,
       (SELECT json_group_array(json_object('chef_id', l.chef_id,
                   'chef_name', l.name, 'bookings', l.bookings,
                   'revenue', l.revenue))
          FROM (SELECT p.chef_id, c.name, sum(p.bookings) AS bookings,
                       sum(p.revenue) AS revenue
                  FROM part p LEFT JOIN chefs c ON c.id = p.chef_id
                 GROUP BY p.chef_id ORDER BY revenue DESC, p.chef_id) l)
           AS by_chef
  FROM span;
