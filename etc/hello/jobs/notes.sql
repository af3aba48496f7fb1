-- DAILY 04:00 old_notes
-- Notes are gone after a year.
DELETE FROM notes
 WHERE created_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 year');
