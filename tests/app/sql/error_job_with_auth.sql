-- 3: a job has no parameters: :auth.role
-- EVERY 5m clean
SELECT :auth.role;
