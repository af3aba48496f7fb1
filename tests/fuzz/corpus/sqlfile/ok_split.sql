-- POST /x
-- @auth public
-- @param a text
/* ; in a comment */
;
  INSERT INTO t VALUES (';', "semi;colon", `b;`, [c;], 'it''s;', :a); ; -- and
-- ; this
UPDATE t SET a = 1 -- why; not
 /* really; */ WHERE b = ':zzz' || a$b; -- trailing
SELECT count(*), x'00', 1.5e-3 FROM "t""u;"
