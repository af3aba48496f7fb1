-- EVERY 5m daily_revenue
-- The days on which something changed are counted anew (schema/002).
DELETE FROM daily_revenue WHERE day IN (SELECT day FROM revenue_changes);
INSERT INTO daily_revenue (day, chef_id, bookings, revenue)
SELECT b.booking_date, b.chef_id, count(*), sum(b.total_price)
  FROM revenue_changes c JOIN bookings b ON b.booking_date = c.day
 WHERE b.status = 'completed'
 GROUP BY b.booking_date, b.chef_id;
DELETE FROM revenue_changes;
