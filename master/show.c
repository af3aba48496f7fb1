#include <inttypes.h>

#include "master/show.h"

/* In the largest unit that divides it. */
static void show_duration(const char *word, int64_t ms, FILE *to)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {
        {86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = ms == 0 ? 4 : 0;

    while (ms % units[i].ms != 0)
        i++; /* ends at the latest with 1 ms */
    fprintf(to, " %s %" PRId64 "%s", word, ms / units[i].ms, units[i].name);
}

static void show_rate(const struct rate *rate, FILE *to)
{
    static const char *const by[] = {
        [RATE_BY_ADDRESS] = "address",
        [RATE_BY_USER] = "user",
        [RATE_BY_TOKEN] = "token",
    };

    fprintf(to, " rate %g/s burst %" PRId64 " by %s", rate->per_second,
            rate->burst, by[rate->by]);
}

static void show_endpoint(const struct endpoint *e, FILE *to)
{
    fprintf(to, "# %s %s auth %s", method_name(e->method), e->path,
            e->auth ? e->auth : "public");
    if (e->cache_ms)
        show_duration("cache", e->cache_ms, to);
    if (e->rate.on)
        show_rate(&e->rate, to);
    if (e->warm)
        fputs(" warm", to);
    fprintf(to, " (%s:%d)\n", e->file, e->line);
}

static void show_job(const struct job *j, FILE *to)
{
    char when[32];

    schedule_write(&j->when, when);
    fprintf(to, "# %s %s (%s:%d)\n", when, j->name, j->file, j->line);
}

static void show_limits(const struct app *app, FILE *to)
{
    fputs("#", to);
    show_duration("timeout", app->timeout_ms, to);
    show_duration("slow_query", app->slow_query_ms, to);
    show_duration("slow_request", app->slow_request_ms, to);
    fprintf(to, " scan_rows %" PRId64 " response_max %" PRId64 "\n",
            app->scan_rows, app->response_max);
}

static void show_threshold(const char *word, double value, const char *unit,
                           FILE *to)
{
    if (value > 0)
        fprintf(to, " %s %g%s", word, value, unit);
    else
        fprintf(to, " %s off", word);
}

static void show_alerts(const struct alert_rules *rules, FILE *to)
{
    fputs("# [alerts]", to);
    show_threshold("response_time", rules->response_time, "ms", to);
    show_threshold("db_query_time", rules->db_query_time, "ms", to);
    show_threshold("memory_usage", rules->memory_usage, "M", to);
    show_threshold("cache_hit_rate", rules->cache_hit_rate, "", to);
    show_threshold("error_rate", rules->error_rate, "", to);
    fprintf(to, " min_requests %" PRId64, rules->min_requests);
    show_duration("hold", rules->hold_ms, to);
    if (rules->command)
        fprintf(to, " command %s", rules->command);
    fputc('\n', to);
}

void show_app(const struct app *app, FILE *to)
{
    fprintf(to, "\n# app %s, database %s\n", app->name, app->database);
    show_limits(app, to);
    show_alerts(&app->alerts, to);
    for (size_t i = 0; i < app->endpoint_count; i++)
        show_endpoint(&app->endpoints[i], to);
    for (size_t i = 0; i < app->job_count; i++)
        show_job(&app->jobs[i], to);
}
