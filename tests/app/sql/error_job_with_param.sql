-- 3: a job has no parameters: :id
-- EVERY 5m clean
SELECT :id;
