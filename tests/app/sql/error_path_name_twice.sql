-- 2: the path names {id} twice
-- GET /{id}/x/{id}
SELECT :id;
