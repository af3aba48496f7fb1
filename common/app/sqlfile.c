#include <string.h>

#include "common/app/head.h"
#include "common/app/opening.h"
#include "common/app/sqllex.h"
#include "common/app/urlpath.h"
#include "common/hash.h"

#include "common/app/pattern.h"
#include "common/app/sqlfile.h"

struct parse {
    struct arena *arena;
    const char *file;
    int64_t timeout_ms;
    struct sqlfile *out;
    struct fault *fault;
    int line; /* where a fault lies */

    /* the block at hand */
    enum { OUTSIDE, IN_HEAD, IN_SQL } where;
    struct head head;
    struct endpoint vessel; /* stands for the endpoint when it is a job */
    struct job job;
    bool used[APP_PARAMS_MAX];

    /* the statement at hand; a null start between two */
    const char *start;
    const char *end;
    int start_line;
};

static struct endpoint *block(struct parse *p)
{
    return p->head.endpoint;
}

/* The fingerprint takes in opening, directives and statements, in their order
 * and letter by letter: SQLite names a column without AS after its text, blanks
 * and comments included. */
static void imprint(struct parse *p, struct slice text)
{
    block(p)->fingerprint = hash_seeded(text, block(p)->fingerprint);
}

/* ---- statements ---- */

/* The transaction is the server's, and so is the connection. */
static bool check_verb(const struct parse *p, struct slice word)
{
    static const char *const refused[] = {
        "BEGIN",   "COMMIT", "END",    "ROLLBACK", "SAVEPOINT",
        "RELEASE", "PRAGMA", "ATTACH", "DETACH",   "VACUUM",
    };

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (slice_is_nocase(word, refused[i]))
            return fault_set(p->fault, "%s is not allowed here", refused[i]);
    return true;
}

static bool begin_statement(struct parse *p, const struct sql_token *token)
{
    if (p->where == OUTSIDE)
        return fault_set(p->fault, "SQL before the first block");
    if (p->where == IN_HEAD) {
        p->where = IN_SQL;
        if (!head_finish(&p->head, p->fault)) {
            p->line = p->head.line;
            return false;
        }
    }
    p->start = token->text.ptr;
    p->start_line = token->line;
    return check_verb(p, token->text);
}

/* `:auth.x` becomes `:auth_x`, which is a name to SQLite. */
static void rename_auth(char *sql, size_t length)
{
    struct sqllex lex = sqllex_start((struct slice){sql, length});
    struct sql_token token;

    while ((token = sqllex_next(&lex)).kind != SQL_END)
        if (token.kind == SQL_PARAM &&
            memchr(token.text.ptr, '.', token.text.len))
            sql[token.text.ptr - sql + 5] = '_';
}

static bool end_statement(struct parse *p)
{
    struct endpoint *e = block(p);
    size_t length = (size_t)(p->end - p->start);
    char *text;

    if (p->start == NULL)
        return true;
    p->line = p->start_line;
    if (e->statement_count == APP_STATEMENTS_MAX)
        return fault_set(p->fault, "more than %d statements",
                         APP_STATEMENTS_MAX);
    text = arena_text(p->arena, (struct slice){p->start, length});
    rename_auth(text, length);
    e->statements = arena_grow(p->arena, e->statements, e->statement_count,
                               sizeof *e->statements);
    e->statements[e->statement_count++] =
        (struct sql){.text = text, .line = p->start_line};
    imprint(p, (struct slice){p->start, length});
    p->start = NULL;
    return true;
}

static bool on_param(struct parse *p, struct slice token)
{
    struct slice name = {token.ptr + 1, token.len - 1};
    const struct endpoint *e = block(p);

    if (p->head.job)
        return fault_set(p->fault, "a job has no parameters: :%.*s",
                         (int)name.len, name.ptr);
    if (slice_is(name, "auth.user_id") || slice_is(name, "auth.role"))
        return true;
    if (name.len >= 5 && memcmp(name.ptr, "auth.", 5) == 0)
        return fault_set(p->fault,
                         "unknown parameter :%.*s: only :auth.user_id and "
                         ":auth.role come from the token",
                         (int)name.len, name.ptr);
    for (size_t i = 0; i < e->param_count; i++) {
        if (slice_is(name, e->params[i].name)) {
            p->used[i] = true;
            return true;
        }
    }
    return fault_set(p->fault, "undeclared parameter :%.*s", (int)name.len,
                     name.ptr);
}

static bool on_sql(struct parse *p, const struct sql_token *token)
{
    if (p->start == NULL && !begin_statement(p, token))
        return false;
    p->end = token->text.ptr + token->text.len;
    if (token->kind == SQL_STRANGE_PARAM)
        return fault_set(p->fault, "parameter \"%.*s\": write :name",
                         (int)token->text.len, token->text.ptr);
    return token->kind != SQL_PARAM || on_param(p, token->text);
}

/* ---- blocks ---- */

static bool check_used(struct parse *p)
{
    const struct endpoint *e = block(p);

    for (size_t i = 0; i < e->param_count; i++) {
        p->line = p->head.param_lines[i];
        if (!p->used[i])
            return fault_set(p->fault, "the parameter \"%s\" is never used",
                             e->params[i].name);
    }
    return true;
}

/* The server wraps the statement of these in one of its own. */
static bool check_single(struct parse *p, enum directive word, const char *name)
{
    p->line = p->head.said[word];
    return p->line == 0 || block(p)->statement_count == 1 ||
           fault_set(p->fault, "@%s needs exactly one statement", name);
}

static void keep_job(struct parse *p)
{
    p->job.description = p->vessel.description;
    p->job.timeout_ms = p->vessel.timeout_ms;
    p->job.statements = p->vessel.statements;
    p->job.statement_count = p->vessel.statement_count;
    p->out->jobs = arena_grow(p->arena, p->out->jobs, p->out->job_count,
                              sizeof *p->out->jobs);
    p->out->jobs[p->out->job_count++] = p->job;
}

static bool end_block(struct parse *p)
{
    if (p->where == OUTSIDE)
        return true;
    if (!end_statement(p))
        return false;
    p->line = block(p)->line;
    if (block(p)->statement_count == 0)
        return fault_set(p->fault, "a block without SQL");
    if (!check_used(p) || !check_single(p, DIRECTIVE_PAGE, "page") ||
        !check_single(p, DIRECTIVE_SORT, "sort"))
        return false;
    if (p->head.job)
        keep_job(p);
    return true;
}

static void open_block(struct parse *p, struct endpoint *e)
{
    *e = (struct endpoint){
        .file = p->file, .line = p->line, .timeout_ms = p->timeout_ms};
    p->head = (struct head){.arena = p->arena, .endpoint = e};
    p->where = IN_HEAD;
    memset(p->used, 0, sizeof p->used);
}

/* A path that answers already, in this file or another, is a fault. */
static bool begin_endpoint(struct parse *p, const struct opening *opening)
{
    struct sqlfile *out = p->out;

    for (size_t i = 0; i < out->endpoint_count; i++) {
        const struct endpoint *e = &out->endpoints[i];
        if (e->method == opening->method &&
            urlpath_same(slice_of(e->path), opening->path))
            return fault_set(p->fault, "%s %.*s is declared already at %s:%d",
                             method_name(e->method), (int)opening->path.len,
                             opening->path.ptr, e->file, e->line);
    }
    out->endpoints = arena_grow(p->arena, out->endpoints, out->endpoint_count,
                                sizeof *out->endpoints);
    open_block(p, &out->endpoints[out->endpoint_count++]);
    block(p)->method = opening->method;
    block(p)->path = arena_text(p->arena, opening->path);
    imprint(p, slice_of(method_name(opening->method)));
    imprint(p, opening->path);
    return true;
}

static bool begin_job(struct parse *p, const struct opening *opening)
{
    for (size_t i = 0; i < p->out->job_count; i++) {
        const struct job *job = &p->out->jobs[i];
        if (slice_is(opening->name, job->name))
            return fault_set(p->fault,
                             "the job \"%s\" is declared already at %s:%d",
                             job->name, job->file, job->line);
    }
    open_block(p, &p->vessel);
    p->head.job = true;
    p->job = (struct job){.file = p->file,
                          .line = p->line,
                          .name = arena_text(p->arena, opening->name),
                          .when = opening->when};
    return true;
}

static bool begin_block(struct parse *p, const struct opening *opening,
                        int line)
{
    if (!end_block(p))
        return false;
    p->line = line;
    return opening->kind == OPENING_JOB ? begin_job(p, opening)
                                        : begin_endpoint(p, opening);
}

/* ---- comments ---- */

static bool is_directive(struct slice comment)
{
    return comment.len > 1 && comment.ptr[0] == '@' &&
           ((comment.ptr[1] | 0x20) >= 'a' && (comment.ptr[1] | 0x20) <= 'z');
}

static bool on_directive(struct parse *p, struct slice comment)
{
    struct slice text = {comment.ptr + 1, comment.len - 1};

    if (p->where == OUTSIDE)
        return fault_set(p->fault, "directive before the first block");
    if (p->where == IN_SQL)
        return fault_set(p->fault, "directive below the SQL");
    p->head.line = p->line;
    imprint(p, text);
    return directive_apply(&p->head, text, p->fault);
}

static bool on_comment(struct parse *p, const struct sql_token *token)
{
    struct slice text = {token->text.ptr + 2, token->text.len - 2};
    struct opening opening = {.kind = OPENING_NONE};

    text = slice_trim(text);
    if (token->leads_line && !opening_parse(text, &opening, p->fault))
        return false;
    if (opening.kind != OPENING_NONE)
        return begin_block(p, &opening, token->line);
    if (is_directive(text))
        return on_directive(p, text);
    if (p->where == IN_HEAD)
        head_remark(&p->head, text);
    return true;
}

/* ---- the whole ---- */

static bool on_token(struct parse *p, const struct sql_token *token)
{
    p->line = token->line;
    switch (token->kind) {
    case SQL_END: return end_block(p);
    case SQL_LINE_COMMENT: return on_comment(p, token);
    case SQL_BLOCK_COMMENT: return true;
    case SQL_SEMICOLON: return end_statement(p);
    case SQL_UNTERMINATED:
        return fault_set(p->fault, "%s is never closed",
                         token->text.ptr[0] == '/' ? "this comment"
                                                   : "this quote");
    case SQL_STRING:
    case SQL_WORD:
    case SQL_PARAM:
    case SQL_STRANGE_PARAM:
    case SQL_OTHER: break;
    }
    return on_sql(p, token);
}

static bool parse(struct parse *p, struct slice text)
{
    struct sqllex lex = sqllex_start(text);
    struct sql_token token;

    if (!sqllex_check(text, &p->line, p->fault))
        return false;
    do {
        token = sqllex_next(&lex);
        if (!on_token(p, &token))
            return false;
    } while (token.kind != SQL_END);
    return true;
}

bool sqlfile_parse(struct sqlfile *out, const char *file, struct slice text,
                   struct fault *fault)
{
    struct fault reason;
    struct parse p = {.arena = out->arena,
                      .file = file,
                      .timeout_ms = out->timeout_ms,
                      .out = out,
                      .fault = &reason};

    return parse(&p, text) ||
           fault_set(fault, "%s:%d: %s", file, p.line, reason.text);
}

void sqlfile_release(struct sqlfile *f)
{
    for (size_t i = 0; i < f->endpoint_count; i++)
        for (size_t k = 0; k < f->endpoints[i].param_count; k++)
            pattern_free(f->endpoints[i].params[k].matcher);
    f->endpoints = NULL;
    f->endpoint_count = 0;
}
