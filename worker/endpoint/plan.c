#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/endpoint/plan.h"

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

/* The number of a column by name; -1 when there is none. */
static int find_column(const struct stmt *s, const char *name)
{
    int i = s ? stmt_columns(s) : 0;

    while (i > 0 && strcmp(stmt_column_name(s, i - 1), name) != 0)
        i--;
    return i - 1;
}

/* `list` ends with null, or is null. */
static bool check_list(const struct endpoint *e, const struct stmt *s,
                       const char *directive, const char **list,
                       struct fault *fault)
{
    for (; list && *list; list++)
        if (find_column(s, *list) < 0)
            return fault_set(fault,
                             "%s:%d: %s names no column of the result: %s",
                             e->file, e->line, directive, *list);
    return true;
}

/* `s` gives the body; null: no statement does. */
static bool check_columns(struct plan *p, const struct stmt *s,
                          struct fault *fault)
{
    const struct endpoint *e = p->e;

    if (!check_list(e, s, "@json", e->json, fault) ||
        !check_list(e, s, "@sort", e->sort, fault) ||
        !check_list(e, s, "@page", e->page.keys, fault))
        return false;
    for (size_t i = 0; e->page.keys && e->page.keys[i]; i++) {
        if (i == PAGING_KEYS_MAX)
            return fault_set(fault, "%s:%d: @page takes at most %d keys",
                             e->file, e->line, (int)PAGING_KEYS_MAX);
        p->page_keys[i] = find_column(s, e->page.keys[i]);
    }
    return true;
}

static bool check_shape(const struct plan *p, struct fault *fault)
{
    const struct endpoint *e = p->e;

    if (!e->shape_said || e->shape == SHAPE_NONE || p->body_step >= 0)
        return true;
    return fault_set(fault, "%s:%d: no statement of %s %s gives rows to answer",
                     e->file, e->line, method_name(e->method), e->path);
}

/* Defaults of JSON parameters: the one thing in a declaration that takes a
 * JSON parser to check. */
static bool check_defaults(const struct endpoint *e, struct json *reader,
                           struct fault *fault)
{
    for (size_t i = 0; i < e->param_count; i++) {
        const struct param *p = &e->params[i];
        if (p->type == PARAM_JSON && p->fallback &&
            !json_valid(reader, slice_of(p->fallback)))
            return fault_set(fault, "%s:%d: the default of %s is not JSON: %s",
                             e->file, e->line, p->name, p->fallback);
    }
    return true;
}

/* What is at hand while a plan is made. */
struct maker {
    struct plan *plan;
    struct db *db;
    struct json *reader;
    struct fault *fault;
};

/* `at` is a byte of the author's SQL, or outside it when that is not known. */
static void blame(const struct maker *m, const struct sql *author, int at,
                  const char *why)
{
    if (at < 0 || at > (int)strlen(author->text))
        at = -1;
    fault_set(m->fault, "%s:%d: %.400s", m->plan->e->file,
              db_fault_line(author->text, at, author->line), why);
}

static struct stmt *prepare(const struct maker *m, const struct sql *author,
                            const char *sql, int shift)
{
    struct fault why;
    int offset;
    struct stmt *s = db_prepare(m->db, sql, &why, &offset);

    if (s == NULL)
        blame(m, author, offset - shift, why.text);
    return s;
}

/* `sql` is what the author wrote, or a variant with that at byte `shift`. */
static bool add_step(const struct maker *m, const struct sql *author,
                     const char *sql, int shift)
{
    struct plan *p = m->plan;
    struct step *s = &p->steps[p->step_count++];

    s->sql = author;
    s->stmt = prepare(m, author, sql, shift);
    return s->stmt && check_writes(p, s, m->fault) &&
           find_sources(p, s, m->fault) &&
           find_columns(p, s, m->reader, m->fault);
}

static bool add_statements(const struct maker *m)
{
    struct plan *p = m->plan;

    for (size_t i = 0; i < p->e->statement_count; i++) {
        const struct sql *sql = &p->e->statements[i];
        if (!add_step(m, sql, sql->text, 0))
            return false;
        if (p->steps[i].columns)
            p->body_step = (int)i;
    }
    const struct stmt *s =
        p->body_step < 0 ? NULL : p->steps[p->body_step].stmt;
    return check_shape(p, m->fault) && check_columns(p, s, m->fault);
}

static bool add_variants(const struct maker *m)
{
    const struct endpoint *e = m->plan->e;
    const struct sql *author = &e->statements[0];
    struct buf sql = {0};

    /* Alone at first: a fault in it, or in a name, is the author's. */
    struct stmt *alone = prepare(m, author, author->text, 0);
    bool ok = alone && check_columns(m->plan, alone, m->fault);
    db_finalize(alone);
    for (int v = 0; ok && v < paging_variants(e); v++) {
        buf_clear(&sql);
        paging_sql(e, v, &sql);
        ok = add_step(m, author, buf_text(&sql), paging_sql_offset());
    }
    buf_free(&sql);
    m->plan->body_step = 0;
    return ok;
}

/* One statement, run once, with one row at most: when it gives none it has
 * changed nothing, so the 404 for that needs no rollback; unless a trigger
 * wrote. */
static bool is_single(const struct plan *p)
{
    bool one_row = p->e->shape == SHAPE_ONE || p->e->shape == SHAPE_VALUE;

    return p->step_count == 1 && p->body_step == 0 && one_row &&
           p->e->each == NULL && !stmt_fires(p->steps[0].stmt);
}

struct plan *plan_new(struct db *db, struct json *reader,
                      const struct endpoint *e, struct fault *fault)
{
    struct plan *p = calloc(1, sizeof *p);
    const struct maker m = {p, db, reader, fault};
    size_t steps =
        paging_on(e) ? (size_t)paging_variants(e) : e->statement_count;

    assert(p != NULL);
    p->e = e;
    p->body_step = -1;
    p->steps = calloc(steps, sizeof *p->steps);
    assert(p->steps != NULL);
    bool ok = paging_on(e) ? add_variants(&m) : add_statements(&m);
    if (ok && check_defaults(e, reader, fault)) {
        p->alone = p->writes && is_single(p);
        return p;
    }
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

unsigned plan_version(const struct plan *p)
{
    unsigned version = 0;

    for (size_t i = 0; i < p->step_count; i++)
        version += stmt_version(p->steps[i].stmt);
    return version;
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
