#include <stdio.h>
#include <string.h>

#include "common/app/sqllex.h"
#include "common/buf.h"

#include "worker/db/explain.h"

enum {
    ROWS_MAX = 64, /* of a plan; later ones are not judged */
};

/* What a finding weighs when plans are compared: only the order matters. */
enum {
    COST_SCAN = 100,
    COST_AUTOMATIC = 50,
    COST_SORT = 20,
    COST_MILD = 10,
};

struct row {
    int id;
    int parent;
    char line[PLAN_LINE_MAX];
};

struct rows {
    struct row at[ROWS_MAX];
    size_t count;
    bool limited; /* the outermost SELECT has a LIMIT */
};

static bool starts(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static bool is_access(const struct row *r)
{
    return starts(r->line, "SCAN ") || starts(r->line, "SEARCH ");
}

static bool is_sort(const struct row *r)
{
    return starts(r->line, "USE TEMP B-TREE FOR ");
}

/* ---- reading the plan --------------------------------------------------- */

static bool has_outer_limit(const char *sql)
{
    struct sqllex lex = sqllex_start(slice_of(sql));
    int depth = 0;

    for (struct sql_token t; (t = sqllex_next(&lex)).kind != SQL_END;) {
        if (t.kind == SQL_OTHER && t.text.ptr[0] == '(')
            depth++;
        else if (t.kind == SQL_OTHER && t.text.ptr[0] == ')')
            depth--;
        else if (depth == 0 && t.kind == SQL_WORD &&
                 slice_is_nocase(t.text, "LIMIT"))
            return true;
    }
    return false;
}

static bool read_rows(struct db *db, const char *sql, struct rows *rows)
{
    struct buf text = {0};
    struct fault ignored;
    int offset;

    buf_format(&text, "EXPLAIN QUERY PLAN %s", sql);
    struct stmt *s = db_prepare(db, buf_text(&text), &ignored, &offset);
    *rows = (struct rows){.limited = has_outer_limit(sql)};
    while (s && rows->count < ROWS_MAX && stmt_step(s) == DB_ROW) {
        struct row *r = &rows->at[rows->count++];
        struct slice line = stmt_text(s, 3);
        r->id = (int)stmt_int(s, 0);
        r->parent = (int)stmt_int(s, 1);
        snprintf(r->line, sizeof r->line, "%.*s", (int)line.len, line.ptr);
    }
    db_finalize(s);
    buf_free(&text);
    return s != NULL;
}

/* What is read: the words after SCAN or SEARCH. */
static struct slice name_in(const struct row *r)
{
    static const char *const ends[] = {" USING ", " LEFT-JOIN", " VIRTUAL "};
    const char *name = strchr(r->line, ' ') + 1;
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *end = strstr(name, ends[i]);
        if (end && (size_t)(end - name) < len)
            len = (size_t)(end - name);
    }
    return (struct slice){name, len};
}

/* ---- judging ------------------------------------------------------------ */

struct judge {
    const struct schema *schema;
    const char *sql;
    const struct rows *rows;
    struct explanation *out;
};

/* The large table that a row reads, or null. */
static const struct table *large_table(const struct judge *j,
                                       const struct row *r)
{
    const struct table *t =
        is_access(r) ? schema_table(j->schema, j->sql, name_in(r)) : NULL;

    return t && t->large ? t : NULL;
}

static bool sorts_at(const struct rows *rows, int parent)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->at[i].parent == parent && is_sort(&rows->at[i]))
            return true;
    return false;
}

static const struct row *row_of(const struct rows *rows, int id)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->at[i].id == id)
            return &rows->at[i];
    return NULL;
}

static const struct row *first_access(const struct rows *rows, int parent)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->at[i].parent == parent && is_access(&rows->at[i]))
            return &rows->at[i];
    return NULL;
}

/*
 * Whether the statement's LIMIT stops this loop: the outermost one, with no
 * sort between it and the LIMIT, where only co-routines pass rows on as they
 * come.
 */
static bool ends_at_limit(const struct rows *rows, const struct row *r)
{
    const struct row *at = r;

    if (!rows->limited)
        return false;
    while (at && first_access(rows, at->parent) == r &&
           !sorts_at(rows, at->parent)) {
        if (at->parent == 0)
            return true;
        at = row_of(rows, at->parent);
        if (at == NULL || !starts(at->line, "CO-ROUTINE"))
            return false;
        /* The loop that reads the co-routine stands beside it. */
        r = first_access(rows, at->parent);
    }
    return false;
}

static void add(struct judge *j, const struct finding *f)
{
    static const int costs[] = {
        [FINDING_SCAN] = COST_SCAN,
        [FINDING_AUTOMATIC] = COST_AUTOMATIC,
        [FINDING_SORT] = COST_SORT,
    };
    struct explanation *out = j->out;

    if (f->kind == FINDING_SCAN && f->mild)
        out->cost += COST_MILD;
    else
        out->cost += costs[f->kind];
    if (out->count < FINDINGS_MAX)
        out->findings[out->count++] = *f;
}

/* An index's entries alone are read, in place of the rows: but nobody should
 * add an index only to read it from end to end. */
static bool reads_entries(const struct row *r)
{
    return strstr(r->line, " USING COVERING INDEX ") &&
           !strstr(r->line, " " EXPLAIN_TRIAL);
}

static void judge_access(struct judge *j, const struct row *r)
{
    struct finding f = {.kind = FINDING_SCAN, .table = large_table(j, r)};

    if (f.table == NULL)
        return;
    memcpy(f.line, r->line, sizeof f.line);
    if (strstr(r->line, " USING AUTOMATIC "))
        f.kind = FINDING_AUTOMATIC;
    else if (!starts(r->line, "SCAN "))
        return;
    else
        f.mild = reads_entries(r) || ends_at_limit(j->rows, r);
    add(j, &f);
}

/* Rows that a scan reads and a sort orders are one finding: the scan. */
static void judge_sort(struct judge *j, const struct row *sort)
{
    struct finding f = {.kind = FINDING_SORT, .mild = true};
    const struct row *outer = first_access(j->rows, sort->parent);

    if (outer == NULL || strstr(outer->line, "PRIMARY KEY (rowid=?)"))
        return;
    for (size_t i = 0; i < j->rows->count; i++) {
        const struct row *r = &j->rows->at[i];
        const struct table *t =
            r->parent == sort->parent ? large_table(j, r) : NULL;
        if (t && starts(r->line, "SCAN ") && !reads_entries(r)) {
            j->out->cost += COST_SORT;
            return;
        }
        if (f.table == NULL)
            f.table = t;
    }
    memcpy(f.line, sort->line, sizeof f.line);
    if (f.table)
        add(j, &f);
}

static void note_trial(struct explanation *out, const struct row *r)
{
    const char *at = strstr(r->line, " " EXPLAIN_TRIAL);

    if (at == NULL)
        return;
    out->uses_trial = true;
    while ((at = strchr(at + 1, '?')))
        out->trial_terms++;
}

bool explain(struct db *db, const struct schema *schema, const char *sql,
             struct explanation *out)
{
    struct rows rows;
    struct judge j = {schema, sql, &rows, out};

    *out = (struct explanation){.count = 0};
    if (!read_rows(db, sql, &rows))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        note_trial(out, &rows.at[i]);
        if (is_sort(&rows.at[i]))
            judge_sort(&j, &rows.at[i]);
        else
            judge_access(&j, &rows.at[i]);
    }
    return true;
}
