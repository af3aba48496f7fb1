#include <inttypes.h>
#include <string.h>

#include "master/keeper/joblist.h"

enum {
    IDEMPOTENCY_EVERY_MS = 3600 * 1000,
    OPTIMIZE_EVERY_MS = 6 * 3600 * 1000,
    OPTIMIZE_TIMEOUT_MS = 30000, /* it reads 400 rows an index: far more */
};

static bool has(const struct app *app, const char *name)
{
    for (size_t i = 0; i < app->job_count; i++)
        if (strcmp(app->jobs[i].name, name) == 0)
            return true;
    return false;
}

static struct job *idempotency_keys(struct arena *arena, const struct app *app,
                                    const struct settings *settings)
{
    struct job *job = arena_alloc(arena, sizeof *job);
    struct sql *sql = arena_alloc(arena, sizeof *sql);

    *sql = (struct sql){
        arena_format(arena,
                     "DELETE FROM prong_idempotency"
                     " WHERE created_at < (unixepoch() - %" PRId64 ") * 1000",
                     settings->idempotency_expiry),
        1};
    *job = (struct job){.file = "built-in",
                        .line = 1,
                        .name = "idempotency_keys",
                        .when = {.every_ms = IDEMPOTENCY_EVERY_MS},
                        .timeout_ms = app->timeout_ms,
                        .statements = sql,
                        .statement_count = 1};
    return job;
}

static struct job *optimize(struct arena *arena)
{
    struct job *job = arena_alloc(arena, sizeof *job);

    *job = (struct job){.file = "built-in",
                        .line = 1,
                        .name = "optimize",
                        .when = {.every_ms = OPTIMIZE_EVERY_MS},
                        .timeout_ms = OPTIMIZE_TIMEOUT_MS};
    return job;
}

size_t joblist_make(struct arena *arena, const struct app *app,
                    const struct settings *settings, struct listed_job **out)
{
    struct listed_job *list =
        arena_alloc(arena, (app->job_count + 2) * sizeof *list);
    size_t count = 0;

    for (; count < app->job_count; count++)
        list[count].job = &app->jobs[count];
    if (!has(app, "idempotency_keys"))
        list[count++].job = idempotency_keys(arena, app, settings);
    if (!has(app, "optimize"))
        list[count++] = (struct listed_job){optimize(arena), true};
    *out = list;
    return count;
}
