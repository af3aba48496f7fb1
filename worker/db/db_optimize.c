#include <sqlite3.h>

#include "common/buf.h"

#include "worker/db/db_private.h"

#include "worker/db/db.h"

/*
 * The planner's statistics (sqlite.org/fileformat2.html#stat1tab). A
 * connection reads them together with the schema, and reads that anew only
 * when its cookie moved, which ANALYZE moves just once: as it makes the table
 * sqlite_stat1. So what has changed is made known by a view that comes and
 * goes within the transaction.
 */

static enum db_result run(struct db *db, const char *sql)
{
    db->at_work = NULL;
    int code = sqlite3_exec(db->raw, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? DB_DONE : db_fail(db, code);
}

static int on_line(void *self, int count, char **values, char **names)
{
    (void)count, (void)names;
    buf_string(self, values[0]);
    buf_byte(self, '\n');
    return 0;
}

/* All of them, as text; nothing while there is no such table. */
static void read_statistics(struct db *db, struct buf *out)
{
    static const char sql[] =
        "SELECT tbl || ' ' || coalesce(idx, '') || ' ' || coalesce(stat, '')"
        " FROM sqlite_stat1 ORDER BY 1";

    db->at_work = NULL;
    sqlite3_exec(db->raw, sql, on_line, out, NULL);
}

static enum db_result make_known(struct db *db)
{
    db_note_script(db);
    return run(db, "CREATE VIEW prong_replan AS SELECT 1;"
                   "DROP VIEW prong_replan;");
}

enum db_result db_optimize(struct db *db)
{
    struct buf before = {0};
    struct buf after = {0};

    if (!db->usable)
        return DB_GONE;
    read_statistics(db, &before);
    enum db_result r = run(db, "PRAGMA analysis_limit=400; PRAGMA optimize");
    if (r == DB_DONE)
        read_statistics(db, &after);
    if (r == DB_DONE && !slice_equal(buf_view(&before), buf_view(&after)))
        r = make_known(db);
    buf_free(&before);
    buf_free(&after);
    return r;
}
