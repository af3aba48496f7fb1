/*
 * Annotated SQL from hostile text. What fails must say "file:line: reason"
 * with a line of the file; what parses must keep to the limits and promises
 * of app.h, and must parse to the same again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/pattern.h"
#include "common/app/sqlfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct arena *arena;
    struct sqlfile file;
    struct fault fault;
    bool good;
};

static struct run parse(struct slice text)
{
    struct run r = {.arena = arena_new()};

    r.file = (struct sqlfile){.arena = r.arena, .timeout_ms = 5000};
    r.good = sqlfile_parse(&r.file, "f", text, &r.fault);
    return r;
}

static void drop(struct run *r)
{
    sqlfile_release(&r->file);
    arena_free(r->arena);
}

static int count_lines(struct slice text)
{
    int lines = 1;

    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

static void check_fault(const struct fault *fault, int lines)
{
    char *end;

    assert(memcmp(fault->text, "f:", 2) == 0);
    long line = strtol(fault->text + 2, &end, 10);
    assert(line >= 1 && line <= lines);
    assert(end[0] == ':' && end[1] == ' ' && end[2] != '\0');
}

static void check_statements(const struct sql *list, size_t count, int lines)
{
    assert(count >= 1 && count <= APP_STATEMENTS_MAX);
    for (size_t i = 0; i < count; i++) {
        assert(list[i].text[0] != '\0');
        assert(list[i].line >= 1 && list[i].line <= lines);
        assert(i == 0 || list[i].line >= list[i - 1].line);
    }
}

static void check_param(const struct param *p)
{
    assert(p->name && p->name[0] != '\0');
    assert(!p->in_path || p->required);
    assert(!p->required || !p->fallback);
    assert(!p->pattern || p->type == PARAM_TEXT);
    assert(!p->pattern || !p->fallback ||
           pattern_matches(p->matcher, slice_of(p->fallback)));
    if (p->choices)
        assert(p->choices[0]);
}

static void check_endpoint(const struct endpoint *e, int lines)
{
    assert(e->line >= 1 && e->line <= lines);
    assert(e->path[0] == '/' && e->description);
    assert(e->method == METHOD_GET || e->auth);
    assert(e->timeout_ms > 0 && e->cache_ms >= 0);
    assert(e->status == 0 || (e->status >= 200 && e->status <= 299));
    assert(!e->page.on || (e->page.size >= 1 && e->page.size <= e->page.max &&
                           e->statement_count == 1));
    assert(!e->rate.on || (e->rate.per_second > 0 && e->rate.burst >= 1));
    assert(e->param_count <= APP_PARAMS_MAX);
    for (size_t i = 0; i < e->param_count; i++)
        check_param(&e->params[i]);
    check_statements(e->statements, e->statement_count, lines);
}

static void check_file(const struct sqlfile *f, int lines)
{
    for (size_t i = 0; i < f->endpoint_count; i++)
        check_endpoint(&f->endpoints[i], lines);
    for (size_t i = 0; i < f->job_count; i++) {
        const struct job *job = &f->jobs[i];
        assert(job->name[0] != '\0' && job->timeout_ms > 0);
        assert(job->when.every_ms >= 1000 ||
               (job->when.every_ms == 0 && job->when.daily_minute < 24 * 60));
        check_statements(job->statements, job->statement_count, lines);
    }
}

/* The same text twice is the same twice. */
static void check_again(const struct run *first, struct slice text)
{
    struct run second = parse(text);

    assert(second.good == first->good);
    assert(strcmp(second.fault.text, first->fault.text) == 0);
    assert(second.file.endpoint_count == first->file.endpoint_count);
    assert(second.file.job_count == first->file.job_count);
    drop(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + (size == 0)); /* reads behind it are noticed */
    struct slice text = {copy, size};

    assert(copy);
    memcpy(copy, data, size);
    struct run run = parse(text);
    if (run.good)
        check_file(&run.file, count_lines(text));
    else
        check_fault(&run.fault, count_lines(text));
    check_again(&run, text);
    drop(&run);
    free(copy);
    return 0;
}
