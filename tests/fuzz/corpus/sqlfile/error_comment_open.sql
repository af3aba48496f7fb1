-- 4: this comment is never closed
-- GET /x
SELECT 1
/* to the end

;