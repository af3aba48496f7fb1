#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/log.h"
#include "worker/commands/survey.h"

#include "worker/migrate.h"

/* Another worker may be at a large migration, and this one only has to wait
 * for it. */
enum { MIGRATE_PATIENCE_MS = 30 * 1000 };

static const char own_schema[] =
    "CREATE TABLE IF NOT EXISTS prong_migrations("
    "name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied_at TEXT NOT NULL)";

static const char own_index[] =
    "CREATE UNIQUE INDEX prong_tokens_sha256 ON tokens(sha256)";

static bool db_fault(const struct db *db, struct fault *fault)
{
    return fault_set(fault, "database %s: %s", db_path(db), db_message(db));
}

static bool app_has(const struct app *app, struct slice name)
{
    for (size_t i = 0; i < app->migration_count; i++)
        if (slice_is(name, app->migrations[i].name))
            return true;
    return false;
}

/* Migrations that were applied and whose files are gone. */
static void warn_of_removed(struct db *db, const struct app *app)
{
    struct fault ignored;
    int offset;
    struct stmt *s =
        db_prepare(db, "SELECT name FROM prong_migrations ORDER BY name",
                   &ignored, &offset);

    while (s && stmt_step(s) == DB_ROW) {
        struct slice name = stmt_text(s, 0);
        if (!app_has(app, name))
            log_warning("Migration %.*s was applied to %s, but its file is "
                        "gone",
                        (int)name.len, name.ptr, db_path(db));
    }
    db_finalize(s);
}

/* ---- applying ----------------------------------------------------------- */

static bool run_script(struct db *db, const struct script *script,
                       struct fault *fault)
{
    struct fault why;
    int offset;

    if (db_script(db, script->text, &why, &offset))
        return true;
    return fault_set(fault, "%s:%d: %.400s", script->file,
                     db_fault_line(script->text.ptr, offset, 1), why.text);
}

static bool run_own(struct db *db, const char *sql, struct fault *fault)
{
    struct fault why;
    int offset;

    return db_script(db, slice_of(sql), &why, &offset) ||
           fault_set(fault, "database %s: %.400s", db_path(db), why.text);
}

static bool make_own(struct db *db, const struct survey *found,
                     struct fault *fault)
{
    if (!run_own(db, own_schema, fault))
        return false;
    for (size_t i = 0; i < OWN_TABLES; i++)
        if (!run_own(db, own_tables[i].schema, fault))
            return false;
    return !found->needs_index || run_own(db, own_index, fault);
}

static bool remember(struct db *db, const struct script *m, struct fault *fault)
{
    static const char sql[] = "INSERT INTO prong_migrations VALUES (?1, ?2,"
                              " strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))";
    char hex[DIGEST_HEX];
    int offset;
    struct stmt *s = db_prepare(db, sql, fault, &offset);

    if (s == NULL)
        return false;
    digest_hex(m->text, hex);
    stmt_bind_text(s, 1, slice_of(m->name));
    stmt_bind_text(s, 2, (struct slice){hex, DIGEST_HEX});
    bool ok = stmt_step(s) == DB_DONE || db_fault(db, fault);
    db_finalize(s);
    return ok;
}

/* Inside the transaction: applied by another worker meanwhile, or not. */
static bool apply(struct db *db, const struct script *m, struct fault *fault)
{
    struct survey found = {0};

    if (!survey_migration(db, m, &found, fault))
        return false;
    if (found.missing == 0)
        return true;
    if (!run_script(db, m, fault) || !remember(db, m, fault))
        return false;
    log_write(strcmp(db_path(db), ":memory:") == 0 ? LOG_DEBUG : LOG_INFO,
              "Migration %s is applied to %s", m->name, db_path(db));
    return true;
}

/* The first row without its parent, in words. */
static bool check_foreign_keys(struct db *db, struct fault *fault)
{
    static const char sql[] =
        "SELECT 'row ' || coalesce(rowid, '?') || ' of \"' || \"table\" ||"
        " '\" refers to no row of \"' || parent || '\"'"
        " FROM pragma_foreign_key_check LIMIT 1";
    struct buf answer = {0};
    enum db_result r = survey_ask(db, sql, NULL, &answer, fault);

    if (r == DB_ROW)
        fault_set(fault, "database %s: after its migrations %s", db_path(db),
                  buf_text(&answer));
    buf_free(&answer);
    return r == DB_DONE;
}

/* What stands in demo.sql is known to everybody (demo.h): all tokens that it
 * left in a new database; in one that an older version made, those that it
 * names. */
static bool mark_demo_tokens(struct db *db, const struct app *app, bool all,
                             struct fault *fault)
{
    static const char sql[] =
        "INSERT OR IGNORE INTO prong_demo_tokens SELECT sha256 FROM tokens"
        " WHERE ?1 OR instr(?2, sha256) > 0";
    int offset;
    struct stmt *s = db_prepare(db, sql, fault, &offset);

    if (s == NULL)
        return false;
    stmt_bind_int(s, 1, all);
    stmt_bind_text(s, 2, app->demo->text);
    bool ok = stmt_step(s) == DB_DONE || db_fault(db, fault);
    db_finalize(s);
    return ok;
}

static bool load_demo(struct db *db, const struct app *app, bool fresh,
                      struct fault *fault)
{
    if (app->demo == NULL)
        return true;
    return (!fresh || run_script(db, app->demo, fault)) &&
           mark_demo_tokens(db, app, fresh, fault);
}

/*
 * The own tables come first, so that migrations and demo.sql may use tokens on
 * a new database as on an old one.
 */
static bool apply_all(struct db *db, const struct app *app, bool demo,
                      const struct migrate_proof *proof, struct fault *fault)
{
    struct survey found;

    if (!survey_take(db, app, &found, fault))
        return false;
    if (survey_is_empty(&found))
        return true;
    if (!make_own(db, &found, fault))
        return false;
    for (size_t i = 0; i < app->migration_count; i++)
        if (!apply(db, &app->migrations[i], fault))
            return false;
    if (!load_demo(db, app, demo && found.fresh, fault))
        return false;
    return check_foreign_keys(db, fault) &&
           (proof == NULL || proof->holds(proof->self, db, fault));
}

static bool apply_in_transaction(struct db *db, const struct app *app,
                                 bool demo, const struct migrate_proof *proof,
                                 struct fault *fault)
{
    db_patience(db, MIGRATE_PATIENCE_MS);
    bool ok = db_begin_write(db) == DB_DONE || db_fault(db, fault);
    db_patience(db, DB_PATIENCE_MS);
    if (!ok)
        return false;
    ok = apply_all(db, app, demo, proof, fault);
    if (!ok)
        db_rollback(db);
    else if (db_commit(db) != DB_DONE)
        ok = db_fault(db, fault);
    return ok;
}

bool migrate_needed(struct db *db, const struct app *app, bool *needed,
                    struct fault *fault)
{
    struct survey found;

    if (!survey_take(db, app, &found, fault))
        return false;
    *needed = !survey_is_empty(&found);
    return true;
}

bool migrate_proved(struct db *db, const struct app *app, bool demo,
                    const struct migrate_proof *proof, struct fault *fault)
{
    struct survey found;

    if (!survey_take(db, app, &found, fault))
        return false;
    if (!found.fresh)
        warn_of_removed(db, app);
    return survey_is_empty(&found) ||
           apply_in_transaction(db, app, demo, proof, fault);
}

bool migrate(struct db *db, const struct app *app, bool demo,
             struct fault *fault)
{
    return migrate_proved(db, app, demo, NULL, fault);
}
