-- GET /hello
-- Says hello to you, or to the world.
-- @param name text default world max 80
-- @one
SELECT 'Hello, ' || :name || '!' AS hello;

-- GET /notes
-- The notes, newest first.
-- @page key=-id 20 max 100
SELECT id, text, created_at FROM notes;

-- POST /notes
-- Leaves a note. Anybody may: here that is said, not forgotten.
-- @auth public
-- @param text text required min 1 max 200
-- @one
-- @status 201
INSERT INTO notes (text) VALUES (:text) RETURNING id, text, created_at;
