-- GET /api/coocook/bookings
-- One's own bookings, latest day first; prices are in won.
-- @auth user
-- @param status text in pending,confirmed,completed,cancelled
-- @param from date
-- @param to date
-- @page key=-booking_date,-id 20 max 100
-- @http private, no-cache
SELECT b.id, b.chef_id, c.name AS chef_name, b.booking_date,
       b.duration_hours, b.total_price, b.status, b.created_at
  FROM bookings b JOIN chefs c ON c.id = b.chef_id
 WHERE b.user_id = :auth.user_id
   AND b.booking_date BETWEEN coalesce(:from, '0000-01-01')
                          AND coalesce(:to, '9999-12-31')
   AND (:status IS NULL OR b.status = :status);

-- POST /api/coocook/bookings
-- Books a chef at the hourly rate of this moment. 400 when the chef is not
-- active, 409 when there is no such chef.
-- @auth user
-- @param chef_id integer required min 1
-- @param booking_date date required
-- @param duration_hours integer default 2 min 1 max 24
-- @one
-- @status 201
/* Without a chef the rate is 0, and the foreign key refuses the row. */
INSERT INTO bookings (user_id, chef_id, booking_date, duration_hours,
                      hourly_rate)
VALUES (:auth.user_id, :chef_id, :booking_date, :duration_hours,
        coalesce((SELECT hourly_rate FROM chefs WHERE id = :chef_id), 0))
RETURNING id, chef_id, booking_date, duration_hours, total_price, status,
          created_at;

-- PUT /api/coocook/bookings/{id}
-- Changes one's own booking, an admin any; what is not named stays. A
-- completed or cancelled booking is closed: 400.
-- @auth user
-- @param id integer min 1
-- @param status text in pending,confirmed,completed,cancelled
-- @param booking_date date
-- @param duration_hours integer min 1 max 24
-- @one
UPDATE bookings
   SET status = coalesce(:status, status),
       booking_date = coalesce(:booking_date, booking_date),
       duration_hours = coalesce(:duration_hours, duration_hours)
 WHERE id = :id AND (user_id = :auth.user_id OR :auth.role = 'admin')
RETURNING id, chef_id, booking_date, duration_hours, total_price, status,
          created_at;

-- POST /api/coocook/batch-create-bookings
-- Many bookings in one transaction: all of them, or none.
-- @auth user
-- @each bookings max 500
-- @param chef_id integer required min 1
-- @param booking_date date required
-- @param duration_hours integer default 2 min 1 max 24
-- @status 201
INSERT INTO bookings (user_id, chef_id, booking_date, duration_hours,
                      hourly_rate)
VALUES (:auth.user_id, :chef_id, :booking_date, :duration_hours,
        coalesce((SELECT hourly_rate FROM chefs WHERE id = :chef_id), 0))
RETURNING id, chef_id, booking_date, duration_hours, total_price, status,
          created_at;

-- POST /api/platform/batch-create-bookings
-- The same under its older address.
-- @auth user
-- @each bookings max 500
-- @param chef_id integer required min 1
-- @param booking_date date required
-- @param duration_hours integer default 2 min 1 max 24
-- @status 201
INSERT INTO bookings (user_id, chef_id, booking_date, duration_hours,
                      hourly_rate)
VALUES (:auth.user_id, :chef_id, :booking_date, :duration_hours,
        coalesce((SELECT hourly_rate FROM chefs WHERE id = :chef_id), 0))
RETURNING id, chef_id, booking_date, duration_hours, total_price, status,
          created_at;
