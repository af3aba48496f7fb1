/*
 * schema: the tables of a database, for those who judge plans: which of them
 * are large, and which one an alias in a statement means.
 */
#ifndef PRONG_SCHEMA_H
#define PRONG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "worker/db/db.h"

struct table {
    const char *name;
    bool large; /* more rows than the limit of schema_measure */
};

struct schema;

/* Its tables and views as they are now, none of them large. */
struct schema *schema_read(struct db *db);
void schema_free(struct schema *s); /* null is allowed */

/* Marks the tables that have more than `limit` rows in `data`, another
 * database; counting ends there. Tables it does not have are not large. */
void schema_measure(struct schema *s, struct db *data, int64_t limit);
bool schema_has_large(const struct schema *s);

/*
 * The table that a plan of `sql` calls `name`: a table's name or an alias,
 * given in the statement or in a view. When several tables have that alias,
 * a large one. Null for subqueries and other sources.
 */
const struct table *schema_table(const struct schema *s, const char *sql,
                                 struct slice name);

#endif
