-- GET /items
-- @page 20 max 100
-- @sort name,size
SELECT id, name, size FROM items ORDER BY id;

-- GET /newest
-- @page key=-id 10
SELECT id, name FROM items;

-- GET /items/{id}
-- @param id integer min 1
-- @one
-- @http public, max-age=5
SELECT id, name, size FROM items WHERE id = :id;

-- POST /items
-- @auth public
-- @param name text required min 1 max 40
-- @param size integer min 1
-- @one
-- @status 201
INSERT INTO items (name, size) VALUES (:name, :size)
RETURNING id, name, size;

-- PUT /items/{id}
-- @auth user
-- @param id integer min 1
-- @param name text required
-- @one
UPDATE items SET name = :name WHERE id = :id RETURNING id, name;

-- DELETE /items/{id}
-- @auth admin
-- @param id integer min 1
-- @none
DELETE FROM items WHERE id = :id;
