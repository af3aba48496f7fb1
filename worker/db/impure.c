#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"

#include "worker/db/impure.h"

enum { DURATION_BYTES = 32 };

/* As one would write it behind @cache: "90s" is not "1m". */
static void put_duration(int64_t ms, char text[DURATION_BYTES])
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
    const char *unit = "ms";

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (ms % units[i].ms != 0)
            continue;
        ms /= units[i].ms;
        unit = units[i].unit;
        break;
    }
    snprintf(text, DURATION_BYTES, "%" PRId64 "%s", ms, unit);
}

bool impure_why(const struct endpoint *e, const struct stmt *s,
                struct fault *said)
{
    const char *function = stmt_impure(s);
    char duration[DURATION_BYTES];

    if (e->cache_ms == 0)
        return false;
    if (stmt_reads(s)->more) {
        fault_set(said,
                  "%s %s is not cached: not all of the tables that it reads "
                  "can be kept track of (at most %d, none of them temporary "
                  "or sqlite_sequence)",
                  method_name(e->method), e->path, DB_TABLES_MAX);
        return true;
    }
    put_duration(e->cache_ms, duration);
    if (function)
        fault_set(said,
                  "%s %s is cached for %s although %s makes each answer "
                  "different: only the time limits it",
                  method_name(e->method), e->path, duration, function);
    return function != NULL;
}

bool impure_log(const struct endpoint *e, const struct stmt *s)
{
    enum log_level level = stmt_reads(s)->more ? LOG_WARNING : LOG_INFO;
    struct fault said;

    if (!impure_why(e, s, &said))
        return false;
    log_write(level, "%s:%d: %s", e->file, e->line, said.text);
    return true;
}
