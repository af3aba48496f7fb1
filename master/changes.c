#include <string.h>

#include "common/log.h"

#include "master/changes.h"

static const char *const words[] = {
    [CHANGE_ADDED] = "added",
    [CHANGE_CHANGED] = "changed",
    [CHANGE_REMOVED] = "removed",
    [CHANGE_KEPT] = "kept",
};

static void add_line(struct changes *c, const char *line)
{
    c->lines.at =
        arena_grow(c->arena, c->lines.at, c->lines.count, sizeof *c->lines.at);
    c->lines.at[c->lines.count++] = line;
}

/* ---- endpoints --------------------------------------------------------- */

static const struct endpoint *find_endpoint(const struct app *app,
                                            const struct endpoint *like)
{
    for (size_t i = 0; app && i < app->endpoint_count; i++)
        if (app->endpoints[i].method == like->method &&
            strcmp(app->endpoints[i].path, like->path) == 0)
            return &app->endpoints[i];
    return NULL;
}

static void count_endpoint(struct changes *c, const struct endpoint *e,
                           enum change kind)
{
    c->endpoints[kind]++;
    if (kind != CHANGE_KEPT)
        add_line(c, arena_format(c->arena, "%s %s %s (%s:%d)",
                                 method_name(e->method), e->path, words[kind],
                                 e->file, e->line));
}

static void compare_endpoints(struct changes *c, const struct app *before,
                              const struct app *after)
{
    for (size_t i = 0; after && i < after->endpoint_count; i++) {
        const struct endpoint *e = &after->endpoints[i];
        const struct endpoint *old = find_endpoint(before, e);
        enum change kind = old == NULL ? CHANGE_ADDED
                           : old->fingerprint == e->fingerprint
                               ? CHANGE_KEPT
                               : CHANGE_CHANGED;
        count_endpoint(c, e, kind);
    }
    for (size_t i = 0; before && i < before->endpoint_count; i++)
        if (find_endpoint(after, &before->endpoints[i]) == NULL)
            count_endpoint(c, &before->endpoints[i], CHANGE_REMOVED);
}

/* ---- jobs -------------------------------------------------------------- */

static const struct job *find_job(const struct app *app, const char *name)
{
    for (size_t i = 0; app && i < app->job_count; i++)
        if (strcmp(app->jobs[i].name, name) == 0)
            return &app->jobs[i];
    return NULL;
}

static bool same_job(const struct job *a, const struct job *b)
{
    if (a->when.every_ms != b->when.every_ms ||
        a->when.daily_minute != b->when.daily_minute ||
        a->timeout_ms != b->timeout_ms ||
        a->statement_count != b->statement_count)
        return false;
    for (size_t i = 0; i < a->statement_count; i++)
        if (strcmp(a->statements[i].text, b->statements[i].text) != 0)
            return false;
    return true;
}

static void count_job(struct changes *c, const struct job *j, enum change kind)
{
    c->jobs[kind]++;
    if (kind != CHANGE_KEPT)
        add_line(c, arena_format(c->arena, "job %s %s (%s:%d)", j->name,
                                 words[kind], j->file, j->line));
}

static void compare_jobs(struct changes *c, const struct app *before,
                         const struct app *after)
{
    for (size_t i = 0; after && i < after->job_count; i++) {
        const struct job *j = &after->jobs[i];
        const struct job *old = find_job(before, j->name);
        enum change kind = old == NULL        ? CHANGE_ADDED
                           : same_job(old, j) ? CHANGE_KEPT
                                              : CHANGE_CHANGED;
        count_job(c, j, kind);
    }
    for (size_t i = 0; before && i < before->job_count; i++)
        if (find_job(after, before->jobs[i].name) == NULL)
            count_job(c, &before->jobs[i], CHANGE_REMOVED);
}

/* ---- migrations, settings ---------------------------------------------- */

static bool has_migration(const struct app *app, const char *name)
{
    for (size_t i = 0; app && i < app->migration_count; i++)
        if (strcmp(app->migrations[i].name, name) == 0)
            return true;
    return false;
}

static void compare_migrations(struct changes *c, const struct app *before,
                               const struct app *after)
{
    for (size_t i = 0; after && i < after->migration_count; i++) {
        const char *name = after->migrations[i].name;
        if (has_migration(before, name))
            continue;
        c->migrations++;
        add_line(c, arena_format(c->arena, "migration %s", name));
    }
}

void changes_add_settings(struct changes *c, const struct settings *before,
                          const struct settings *after)
{
    const struct settings_change *all;
    size_t count = settings_compare(before, after, c->arena, &all);

    for (size_t i = 0; i < count; i++) {
        const struct settings_change *s = &all[i];
        c->settings++;
        add_line(c, s->before == NULL
                        ? arena_format(c->arena, "%s: another value", s->key)
                        : arena_format(c->arena, "%s: %s -> %s", s->key,
                                       *s->before ? s->before : "unset",
                                       *s->after ? s->after : "unset"));
    }
}

/* ---- the whole --------------------------------------------------------- */

struct changes changes_find(const struct app *before, const struct app *after)
{
    struct changes c = {.arena = arena_new()};

    compare_endpoints(&c, before, after);
    compare_jobs(&c, before, after);
    compare_migrations(&c, before, after);
    return c;
}

void changes_free(struct changes *c)
{
    arena_free(c->arena);
}

static void say_kinds(struct buf *out, const char *what,
                      const size_t count[CHANGE_KINDS])
{
    buf_format(out, "%zu %s%s added, %zu changed, %zu removed, %zu kept",
               count[CHANGE_ADDED], what, count[CHANGE_ADDED] == 1 ? "" : "s",
               count[CHANGE_CHANGED], count[CHANGE_REMOVED],
               count[CHANGE_KEPT]);
}

static void say_some(struct buf *out, const char *what, size_t count)
{
    if (count > 0)
        buf_format(out, "; %zu %s%s", count, what, count == 1 ? "" : "s");
}

static bool any(const size_t count[CHANGE_KINDS])
{
    return count[CHANGE_ADDED] + count[CHANGE_CHANGED] + count[CHANGE_REMOVED] >
           0;
}

void changes_summary(const struct changes *c, struct buf *out)
{
    say_kinds(out, "endpoint", c->endpoints);
    if (any(c->jobs)) {
        buf_string(out, "; ");
        say_kinds(out, "job", c->jobs);
    }
    say_some(out, "new migration", c->migrations);
    say_some(out, "other setting", c->settings);
}

void changes_log(const struct changes *c, uint64_t entries)
{
    struct buf line = {0};

    changes_summary(c, &line);
    log_info("Reload: %s; %llu cache entries kept", buf_text(&line),
             (unsigned long long)entries);
    buf_free(&line);
    for (size_t i = 0; i < c->lines.count && i < CHANGES_LOGGED; i++)
        log_info("Reload: %s", c->lines.at[i]);
    if (c->lines.count > CHANGES_LOGGED)
        log_info("Reload: and %zu more", c->lines.count - CHANGES_LOGGED);
}
