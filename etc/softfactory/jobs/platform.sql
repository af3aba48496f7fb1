-- EVERY 1h expired_tokens
-- Tokens that no longer open anything are forgotten.
-- The first condition searches the index, in either form of a moment; the
-- second is what the server itself asks.
DELETE FROM tokens
 WHERE expires_at < date('now', '+1 day')
   AND datetime(expires_at) <= datetime('now');

-- DAILY 03:30 past_bookings
-- What was confirmed has taken place; what nobody confirmed has not.
UPDATE bookings SET status = 'completed'
 WHERE status = 'confirmed' AND booking_date < date('now');
UPDATE bookings SET status = 'cancelled'
 WHERE status = 'pending' AND booking_date < date('now');

-- DAILY 03:40 ended_subscriptions
-- The last day of a subscription is still paid for.
UPDATE subscriptions SET status = 'expired'
 WHERE status = 'active' AND ends_on < date('now');
