#include <string.h>

#include "common/buf.h"
#include "common/digest.h"
#include "common/log.h"
#include "worker/token.h"

#include "worker/migrate.h"

/* Another worker may be at a large migration, and this one only has to wait
 * for it. */
enum { MIGRATE_PATIENCE_MS = 30 * 1000 };

static const char own_schema[] =
    "CREATE TABLE IF NOT EXISTS prong_migrations("
    "name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied_at TEXT NOT NULL)";

static const char own_index[] =
    "CREATE UNIQUE INDEX prong_tokens_sha256 ON tokens(sha256)";

/* What a look at the database found. */
struct survey {
    bool fresh;        /* never migrated before */
    bool needs_index;  /* tokens are there, but cannot be found quickly */
    bool needs_tokens; /* the table is not there */
    size_t missing;    /* migrations not applied */
};

static bool db_fault(const struct db *db, struct fault *fault)
{
    return fault_set(fault, "database %s: %s", db_path(db), db_message(db));
}

/*
 * Runs one statement with `arg` as its parameter, if it has one. DB_ROW with
 * the first column of the first row in *answer; DB_DONE without a row;
 * anything else is in *fault.
 */
static enum db_result ask(struct db *db, const char *sql, struct slice arg,
                          struct buf *answer, struct fault *fault)
{
    struct fault why;
    int offset;
    struct stmt *s = db_prepare(db, sql, &why, &offset);

    buf_clear(answer);
    if (s == NULL) {
        fault_set(fault, "database %s: %.400s", db_path(db), why.text);
        return DB_ERROR;
    }
    if (stmt_param_count(s) > 0)
        stmt_bind_text(s, 1, arg);
    enum db_result r = stmt_step(s);
    if (r == DB_ROW)
        buf_slice(answer, stmt_text(s, 0));
    else if (r != DB_DONE)
        db_fault(db, fault);
    db_finalize(s);
    return r;
}

/* ---- looking ------------------------------------------------------------ */

/* A migration that was changed later means two histories: nobody can say what
 * the database holds. */
static bool survey_migration(struct db *db, const struct script *m,
                             struct survey *found, struct fault *fault)
{
    struct buf known = {0};
    char hex[DIGEST_HEX];
    bool ok = true;
    enum db_result r =
        ask(db, "SELECT sha256 FROM prong_migrations WHERE name = ?1",
            slice_of(m->name), &known, fault);

    digest_hex(m->text, hex);
    if (r == DB_DONE)
        found->missing++;
    else if (r != DB_ROW)
        ok = false;
    else if (!slice_equal(buf_view(&known), (struct slice){hex, DIGEST_HEX}))
        ok = fault_set(fault,
                       "%s:1: was changed after it had been applied; put "
                       "changes into a new migration",
                       m->file);
    buf_free(&known);
    return ok;
}

static bool survey_migrations(struct db *db, const struct app *app,
                              struct survey *found, struct fault *fault)
{
    static const char is_there[] = "SELECT 1 FROM sqlite_schema WHERE type ="
                                   " 'table' AND name = 'prong_migrations'";
    struct buf ignored = {0};
    enum db_result r = ask(db, is_there, SLICE(""), &ignored, fault);

    buf_free(&ignored);
    found->fresh = r == DB_DONE;
    if (found->fresh)
        found->missing = app->migration_count;
    if (r != DB_ROW)
        return r == DB_DONE;
    for (size_t i = 0; i < app->migration_count; i++)
        if (!survey_migration(db, &app->migrations[i], found, fault))
            return false;
    return true;
}

static bool survey_tokens(struct db *db, struct survey *found,
                          struct fault *fault)
{
    static const char lacking[] =
        "WITH need(name) AS (VALUES ('id'), ('sha256'), ('user_id'), ('role'),"
        " ('name'), ('created_at'), ('expires_at'))"
        " SELECT coalesce((SELECT group_concat(name, ', ') FROM need WHERE name"
        " NOT IN (SELECT name FROM pragma_table_info('tokens'))), '')"
        " WHERE EXISTS (SELECT 1 FROM pragma_table_info('tokens'))";
    static const char indexed[] =
        "SELECT 1 FROM pragma_index_list('tokens') l, pragma_index_info(l.name)"
        " i WHERE i.seqno = 0 AND i.name = 'sha256'";
    struct buf answer = {0};
    bool ok = true;
    enum db_result r = ask(db, lacking, SLICE(""), &answer, fault);

    found->needs_tokens = r == DB_DONE;
    if (r == DB_ROW && answer.len > 0)
        ok = fault_set(fault,
                       "database %s: its table \"tokens\" is not that of API "
                       "tokens; it lacks %s",
                       db_path(db), buf_text(&answer));
    else if (r == DB_ROW)
        r = ask(db, indexed, SLICE(""), &answer, fault);
    found->needs_index = r == DB_DONE && !found->needs_tokens;
    buf_free(&answer);
    return ok && (r == DB_ROW || r == DB_DONE);
}

static bool look(struct db *db, const struct app *app, struct survey *found,
                 struct fault *fault)
{
    *found = (struct survey){0};
    return survey_tokens(db, found, fault) &&
           survey_migrations(db, app, found, fault);
}

static bool nothing_to_do(const struct survey *s)
{
    return !s->fresh && !s->needs_tokens && !s->needs_index && s->missing == 0;
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
    struct buf ignored = {0};
    enum db_result r = ask(db, sql, SLICE(""), &ignored, fault);

    buf_free(&ignored);
    return r == DB_DONE;
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
    enum db_result r = ask(db, sql, SLICE(""), &answer, fault);

    if (r == DB_ROW)
        fault_set(fault, "database %s: after its migrations %s", db_path(db),
                  buf_text(&answer));
    buf_free(&answer);
    return r == DB_DONE;
}

/*
 * Tokens come first, so that migrations and demo.sql may use them on a new
 * database as on an old one.
 */
static bool apply_all(struct db *db, const struct app *app, bool demo,
                      const struct migrate_proof *proof, struct fault *fault)
{
    struct survey found;

    if (!look(db, app, &found, fault))
        return false;
    if (nothing_to_do(&found))
        return true;
    if (!run_own(db, own_schema, fault) || !run_own(db, token_schema, fault) ||
        (found.needs_index && !run_own(db, own_index, fault)))
        return false;
    for (size_t i = 0; i < app->migration_count; i++)
        if (!apply(db, &app->migrations[i], fault))
            return false;
    if (demo && found.fresh && app->demo && !run_script(db, app->demo, fault))
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

bool migrate_proved(struct db *db, const struct app *app, bool demo,
                    const struct migrate_proof *proof, struct fault *fault)
{
    struct survey found;

    if (!look(db, app, &found, fault))
        return false;
    if (!found.fresh)
        warn_of_removed(db, app);
    return nothing_to_do(&found) ||
           apply_in_transaction(db, app, demo, proof, fault);
}

bool migrate(struct db *db, const struct app *app, bool demo,
             struct fault *fault)
{
    return migrate_proved(db, app, demo, NULL, fault);
}
