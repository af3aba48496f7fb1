-- GET /a
-- @param a text pattern [A-Z]{2}(-[0-9]+)++++++++++++++++++++++++
SELECT :a;
