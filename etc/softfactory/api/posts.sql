-- GET /api/sns/posts
-- The feed, newest first. Drafts and archived posts are shown to their
-- authors and to admins only.
-- @param user_id integer min 1
-- @param status text in draft,published,archived default published
-- @page key=-id 20 max 100
-- @json tags
-- @http private, no-cache
/* One branch with an author and one without: each walks an index of its own
 * in the order of the page, and the other ends before its first row. */
SELECT p.id, p.user_id, u.name AS author, p.content, p.tags, p.status,
       p.created_at, p.updated_at
  FROM sns_posts p JOIN users u ON u.id = p.user_id
 WHERE :user_id IS NULL AND p.status = :status
   AND (p.status = 'published' OR p.user_id = :auth.user_id
        OR :auth.role = 'admin')
UNION ALL
SELECT p.id, p.user_id, u.name, p.content, p.tags, p.status, p.created_at,
       p.updated_at
  FROM sns_posts p JOIN users u ON u.id = p.user_id
 WHERE p.user_id = :user_id AND p.status = :status
   AND (p.status = 'published' OR p.user_id = :auth.user_id
        OR :auth.role = 'admin');

-- POST /api/sns/posts
-- A new post, a draft unless it says otherwise; tags is an array.
-- @auth user
-- @param content text required min 1 max 2000
-- @param tags json default []
-- @param status text in draft,published default draft
-- @one
-- @json tags
-- @status 201
-- @rate 5/s burst 20 by user
INSERT INTO sns_posts (user_id, content, tags, status)
VALUES (:auth.user_id, :content, :tags, :status)
RETURNING id, user_id, content, tags, status, created_at, updated_at;

-- PUT /api/sns/posts/{id}
-- Changes one's own post, an admin any; what is not named stays.
-- @auth user
-- @param id integer min 1
-- @param content text min 1 max 2000
-- @param tags json
-- @param status text in draft,published,archived
-- @one
-- @json tags
UPDATE sns_posts
   SET content = coalesce(:content, content),
       tags = coalesce(:tags, tags),
       status = coalesce(:status, status),
       updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
 WHERE id = :id AND (user_id = :auth.user_id OR :auth.role = 'admin')
RETURNING id, user_id, content, tags, status, created_at, updated_at;

-- DELETE /api/sns/posts/{id}
-- One's own post, an admin any.
-- @auth user
-- @param id integer min 1
-- @one
DELETE FROM sns_posts
 WHERE id = :id AND (user_id = :auth.user_id OR :auth.role = 'admin')
RETURNING id;
