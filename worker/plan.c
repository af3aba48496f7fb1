#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/plan.h"

/* Where a statement's parameter comes from: the number of a declared
 * parameter, or one of these. */
enum source {
    SOURCE_USER = -1,
    SOURCE_ROLE = -2,
    SOURCE_LIMIT = -3,
    SOURCE_OFFSET = -4,
    SOURCE_KEY = -16, /* minus the number of the key */
};

static bool find_source(const struct endpoint *e, const char *name, int *out)
{
    static const struct {
        const char *name;
        enum source source;
    } own[] = {
        {":auth_user_id", SOURCE_USER},  {":auth_role", SOURCE_ROLE},
        {":prong_limit", SOURCE_LIMIT},  {":prong_offset", SOURCE_OFFSET},
        {":prong_key0", SOURCE_KEY},     {":prong_key1", SOURCE_KEY - 1},
        {":prong_key2", SOURCE_KEY - 2}, {":prong_key3", SOURCE_KEY - 3},
    };

    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (strcmp(own[i].name, name) != 0)
            continue;
        *out = own[i].source;
        return true;
    }
    for (size_t i = 0; i < e->param_count; i++) {
        if (strcmp(e->params[i].name, name + 1) != 0)
            continue;
        *out = (int)i;
        return true;
    }
    return false;
}

static bool find_sources(struct plan *p, struct step *s, struct fault *fault)
{
    s->source_count = stmt_param_count(s->stmt);
    s->sources = calloc((size_t)s->source_count + 1, sizeof *s->sources);
    assert(s->sources != NULL);
    for (int i = 0; i < s->source_count; i++) {
        const char *name = stmt_param_name(s->stmt, i + 1);
        if (name == NULL || !find_source(p->e, name, &s->sources[i]))
            return fault_set(fault, "%s:%d: parameter %s is not declared",
                             p->e->file, s->sql->line, name ? name : "?");
        if (s->sources[i] == SOURCE_USER || s->sources[i] == SOURCE_ROLE)
            p->needs_user = true;
    }
    return true;
}

static bool find_columns(struct plan *p, struct step *s, struct json *reader,
                         struct fault *fault)
{
    int count = stmt_columns(s->stmt);

    if (count == 0)
        return true;
    if (count > ROWS_COLUMNS_MAX)
        return fault_set(fault, "%s:%d: more than %d columns", p->e->file,
                         s->sql->line, (int)ROWS_COLUMNS_MAX);
    s->columns = columns_new(s->stmt, p->e->json, reader);
    return true;
}

static bool check_writes(struct plan *p, const struct step *s,
                         struct fault *fault)
{
    if (stmt_readonly(s->stmt))
        return true;
    p->writes = true;
    if (p->e->method != METHOD_GET)
        return true;
    return fault_set(fault, "%s:%d: GET %s writes: only other methods may",
                     p->e->file, s->sql->line, p->e->path);
}

/* `text` is the author's SQL, which begins at byte `shift` of what SQLite
 * was given. */
static bool prepare(struct plan *p, struct db *db, struct json *reader,
                    struct step *s, const char *sql, int shift,
                    struct fault *fault)
{
    struct fault why;
    int offset;

    s->stmt = db_prepare(db, sql, &why, &offset);
    if (s->stmt == NULL) {
        int at = offset < shift ? -1 : offset - shift;
        if (at > (int)strlen(s->sql->text))
            at = -1;
        return fault_set(fault, "%s:%d: %.400s", p->e->file,
                         db_fault_line(s->sql->text, at, s->sql->line),
                         why.text);
    }
    return check_writes(p, s, fault) && find_sources(p, s, fault) &&
           find_columns(p, s, reader, fault);
}

static struct step *add_step(struct plan *p, const struct sql *sql)
{
    struct step *s = &p->steps[p->step_count++];

    s->sql = sql;
    return s;
}

static bool prepare_statements(struct plan *p, struct db *db,
                               struct json *reader, struct fault *fault)
{
    for (size_t i = 0; i < p->e->statement_count; i++) {
        const struct sql *sql = &p->e->statements[i];
        struct step *s = add_step(p, sql);
        if (!prepare(p, db, reader, s, sql->text, 0, fault))
            return false;
        if (s->columns)
            p->body_step = (int)i;
    }
    return true;
}

static bool prepare_variants(struct plan *p, struct db *db, struct json *reader,
                             struct fault *fault)
{
    struct buf sql = {0};
    bool ok = true;

    for (int v = 0; ok && v < paging_variants(p->e); v++) {
        buf_clear(&sql);
        paging_sql(p->e, v, &sql);
        ok = prepare(p, db, reader, add_step(p, &p->e->statements[0]),
                     buf_text(&sql), paging_sql_offset(), fault);
    }
    buf_free(&sql);
    p->body_step = 0;
    return ok;
}

/* The number of a column by name, or a fault that names the directive. */
static bool find_column(const struct plan *p, const char *directive,
                        const char *name, int *out, struct fault *fault)
{
    const struct step *s = p->body_step < 0 ? NULL : &p->steps[p->body_step];

    for (int i = 0; s && i < stmt_columns(s->stmt); i++) {
        if (strcmp(stmt_column_name(s->stmt, i), name) != 0)
            continue;
        *out = i;
        return true;
    }
    return fault_set(fault, "%s:%d: %s names no column of the result: %s",
                     p->e->file, p->e->line, directive, name);
}

static bool check_columns(struct plan *p, struct fault *fault)
{
    const struct endpoint *e = p->e;
    int ignored;

    for (size_t i = 0; e->json && e->json[i]; i++)
        if (!find_column(p, "@json", e->json[i], &ignored, fault))
            return false;
    for (size_t i = 0; e->sort && e->sort[i]; i++)
        if (!find_column(p, "@sort", e->sort[i], &ignored, fault))
            return false;
    for (size_t i = 0; e->page.keys && e->page.keys[i]; i++) {
        if (i == PAGING_KEYS_MAX)
            return fault_set(fault, "%s:%d: @page takes at most %d keys",
                             e->file, e->line, (int)PAGING_KEYS_MAX);
        if (!find_column(p, "@page", e->page.keys[i], &p->page_keys[i], fault))
            return false;
    }
    return true;
}

/* Defaults of JSON parameters are the one thing sqlfile cannot check. */
static bool check_defaults(const struct endpoint *e, struct json *reader,
                           struct fault *fault)
{
    for (size_t i = 0; i < e->param_count; i++) {
        const struct param *p = &e->params[i];
        if (p->type != PARAM_JSON || p->fallback == NULL ||
            json_valid(reader, slice_of(p->fallback)))
            continue;
        return fault_set(fault, "%s:%d: the default of %s is not JSON", e->file,
                         e->line, p->name);
    }
    return true;
}

struct plan *plan_new(struct db *db, struct json *reader,
                      const struct endpoint *e, struct fault *fault)
{
    struct plan *p = calloc(1, sizeof *p);
    size_t steps =
        paging_on(e) ? (size_t)paging_variants(e) : e->statement_count;

    assert(p != NULL);
    p->e = e;
    p->body_step = -1;
    p->steps = calloc(steps, sizeof *p->steps);
    assert(p->steps != NULL);
    bool ok = paging_on(e) ? prepare_variants(p, db, reader, fault)
                           : prepare_statements(p, db, reader, fault);
    if (ok && check_columns(p, fault) && check_defaults(e, reader, fault))
        return p;
    plan_free(p);
    return NULL;
}

void plan_free(struct plan *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->step_count; i++) {
        columns_free(p->steps[i].columns);
        db_finalize(p->steps[i].stmt);
        free(p->steps[i].sources);
    }
    free(p->steps);
    free(p);
}

static void bind_value(struct stmt *s, int index, const struct value *v)
{
    switch (v->kind) {
    case VALUE_INT: stmt_bind_int(s, index, v->integer); return;
    case VALUE_REAL: stmt_bind_real(s, index, v->real); return;
    case VALUE_TEXT: stmt_bind_text(s, index, v->text); return;
    case VALUE_BLOB: stmt_bind_blob(s, index, v->text); return;
    case VALUE_NULL:
    default: stmt_bind_null(s, index); return;
    }
}

static void bind_own(struct stmt *s, int index, int source,
                     const struct bindings *b)
{
    const struct identity *who = b->who;

    if (source == SOURCE_USER && who->has_user)
        stmt_bind_int(s, index, who->user_id);
    else if (source == SOURCE_ROLE && who->known)
        stmt_bind_text(s, index, slice_of(who->role));
    else if (source == SOURCE_LIMIT) /* one more tells whether there is more */
        stmt_bind_int(s, index, b->paging->limit + 1);
    else if (source == SOURCE_OFFSET)
        stmt_bind_int(s, index, b->paging->offset);
    else if (source <= SOURCE_KEY)
        bind_value(s, index, &b->paging->keys[SOURCE_KEY - source]);
    else
        stmt_bind_null(s, index);
}

void step_bind(const struct step *s, const struct bindings *b)
{
    for (int i = 0; i < s->source_count; i++) {
        int source = s->sources[i];
        if (source < 0)
            bind_own(s->stmt, i + 1, source, b);
        else
            bind_value(s->stmt, i + 1,
                       arguments_value(b->arguments, b->set, (size_t)source));
    }
}
