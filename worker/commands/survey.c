#include "common/digest.h"
#include "worker/endpoint/idempotency.h"
#include "worker/endpoint/jobrun.h"
#include "worker/endpoint/token.h"

#include "worker/commands/survey.h"

const struct own_table own_tables[OWN_TABLES] = {
    {"tokens", "API tokens",
     "[\"id\", \"sha256\", \"user_id\", \"role\", \"name\", \"created_at\","
     " \"expires_at\"]",
     token_schema},
    {"prong_demo_tokens", "demo tokens", "[\"sha256\"]", token_schema},
    {"prong_idempotency", "Idempotency-Key",
     "[\"scope\", \"key\", \"request\", \"created_at\", \"status\", \"type\","
     " \"headers\", \"body\"]",
     idempotency_schema},
    {"prong_jobs", "jobs", "[\"name\", \"ran_at\"]", jobrun_schema},
};

enum db_result survey_ask(struct db *db, const char *sql,
                          const struct slice *args, struct buf *answer,
                          struct fault *fault)
{
    struct fault why;
    int offset;
    struct stmt *s = db_prepare(db, sql, &why, &offset);

    buf_clear(answer);
    if (s == NULL) {
        fault_set(fault, "database %s: %.400s", db_path(db), why.text);
        return DB_ERROR;
    }
    for (int i = 0; i < stmt_param_count(s); i++)
        stmt_bind_text(s, i + 1, args[i]);
    enum db_result r = stmt_step(s);
    if (r == DB_ROW)
        buf_slice(answer, stmt_text(s, 0));
    else if (r != DB_DONE)
        fault_set(fault, "database %s: %s", db_path(db), db_message(db));
    db_finalize(s);
    return r;
}

/* A migration that was changed later means two histories: nobody can say what
 * the database holds. */
bool survey_migration(struct db *db, const struct script *m,
                      struct survey *found, struct fault *fault)
{
    struct buf known = {0};
    char hex[DIGEST_HEX];
    bool ok = true;
    struct slice name = slice_of(m->name);
    enum db_result r =
        survey_ask(db, "SELECT sha256 FROM prong_migrations WHERE name = ?1",
                   &name, &known, fault);

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
    enum db_result r = survey_ask(db, is_there, NULL, &ignored, fault);

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

/* A table of the same name with other columns is somebody else's. */
static bool survey_own(struct db *db, const struct own_table *t,
                       struct survey *found, struct fault *fault)
{
    static const char lacking[] =
        "SELECT coalesce((SELECT group_concat(value, ', ') FROM json_each(?2)"
        " WHERE value NOT IN (SELECT name FROM pragma_table_info(?1))), '')"
        " WHERE EXISTS (SELECT 1 FROM pragma_table_info(?1))";
    const struct slice args[] = {slice_of(t->name), slice_of(t->columns)};
    struct buf answer = {0};
    enum db_result r = survey_ask(db, lacking, args, &answer, fault);
    bool ok = r == DB_ROW || r == DB_DONE;

    found->needs_own |= r == DB_DONE;
    if (r == DB_ROW && answer.len > 0)
        ok = fault_set(fault,
                       "database %s: its table \"%s\" is not that of %s; it "
                       "lacks %s",
                       db_path(db), t->name, t->of, buf_text(&answer));
    buf_free(&answer);
    return ok;
}

static bool survey_index(struct db *db, struct survey *found,
                         struct fault *fault)
{
    static const char lacking[] =
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM pragma_table_info('tokens'))"
        " AND NOT EXISTS (SELECT 1 FROM pragma_index_list('tokens') l,"
        " pragma_index_info(l.name) i WHERE i.seqno = 0 AND i.name ="
        " 'sha256')";
    struct buf ignored = {0};
    enum db_result r = survey_ask(db, lacking, NULL, &ignored, fault);

    buf_free(&ignored);
    found->needs_index = r == DB_ROW;
    return r == DB_ROW || r == DB_DONE;
}

bool survey_take(struct db *db, const struct app *app, struct survey *out,
                 struct fault *fault)
{
    *out = (struct survey){0};
    for (size_t i = 0; i < OWN_TABLES; i++)
        if (!survey_own(db, &own_tables[i], out, fault))
            return false;
    return survey_index(db, out, fault) &&
           survey_migrations(db, app, out, fault);
}

bool survey_is_empty(const struct survey *s)
{
    return !s->fresh && !s->needs_own && !s->needs_index && s->missing == 0;
}
