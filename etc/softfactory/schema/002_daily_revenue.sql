-- What completed bookings brought, a row for each day and chef: a summary that
-- the job daily_revenue (jobs/revenue.sql) keeps, so that nobody who looks at
-- revenue reads bookings. It is behind them by the time between two runs.
--
-- Triggers note the days on which something changed, and the job counts those
-- days anew, whatever it was: a booking completed, deleted, moved to another
-- day or chef. A booking that is not completed costs a comparison.
CREATE TABLE daily_revenue (
    day      TEXT NOT NULL,
    chef_id  INTEGER NOT NULL,
    bookings INTEGER NOT NULL,
    revenue  INTEGER NOT NULL,
    PRIMARY KEY (day, chef_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE revenue_changes (
    day TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TRIGGER revenue_added AFTER INSERT ON bookings
WHEN NEW.status = 'completed'
BEGIN
    INSERT INTO revenue_changes VALUES (NEW.booking_date)
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER revenue_removed AFTER DELETE ON bookings
WHEN OLD.status = 'completed'
BEGIN
    INSERT INTO revenue_changes VALUES (OLD.booking_date)
        ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER revenue_changed AFTER UPDATE ON bookings
WHEN OLD.status = 'completed' OR NEW.status = 'completed'
BEGIN
    INSERT INTO revenue_changes VALUES (OLD.booking_date), (NEW.booking_date)
        ON CONFLICT DO NOTHING;
END;

-- Bookings that were there before.
INSERT INTO daily_revenue
SELECT booking_date, chef_id, count(*), sum(total_price)
  FROM bookings WHERE status = 'completed' GROUP BY booking_date, chef_id;

-- For the job expired_tokens.
CREATE INDEX idx_tokens_expires_at ON tokens (expires_at)
 WHERE expires_at IS NOT NULL;
