-- The insert case: a table with three indices, no trigger and no foreign key.
CREATE TABLE orders (
    id             INTEGER PRIMARY KEY,
    user_id        INTEGER NOT NULL,
    chef_id        INTEGER NOT NULL,
    booking_date   TEXT NOT NULL,
    duration_hours INTEGER NOT NULL,
    status         TEXT NOT NULL DEFAULT 'pending'
) STRICT;

CREATE INDEX idx_orders_user_status ON orders (user_id, status);
CREATE INDEX idx_orders_chef ON orders (chef_id);
CREATE INDEX idx_orders_date ON orders (booking_date);
