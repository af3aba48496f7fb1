#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/directive.h"
#include "common/app/sqllex.h"
#include "common/nearest.h"
#include "common/settings/conf.h"

#include "common/app/appconf.h"

enum {
    NAME_BYTES_MAX = 64,
    RESPONSE_MAX = 1 << 30,
    HOUR_MS = 3600 * 1000,
};

/* How a value is read, and into what. */
enum kind {
    KIND_NAME,     /* text that can be a file's name */
    KIND_TEXT,     /* text */
    KIND_COUNT,    /* int64_t */
    KIND_DURATION, /* int64_t, ms */
    KIND_SIZE,     /* int64_t, bytes */
    /* Thresholds are doubles, and 0 when they say "off". */
    KIND_ABOVE_TIME,   /* ms */
    KIND_ABOVE_MEMORY, /* MB; a bare number is MB too */
    KIND_PERCENT,
};

struct key {
    const char *section;
    const char *name;
    enum kind kind;
    size_t offset;        /* of the member in struct app */
    int64_t min, max;     /* of an int64_t */
    const char *fallback; /* null: stays null, or is made up at the end */
    const char *wanted;   /* what a value looks like, for the fault */
};

static const struct key KEYS[] = {
    {"", "name", KIND_NAME, offsetof(struct app, name), 0, 0, NULL,
     "a name up to 64 bytes, without '/' and no dot in front"},
    {"", "database", KIND_TEXT, offsetof(struct app, database), 0, 0, NULL,
     "the path of a file"},
    {"", "timeout", KIND_DURATION, offsetof(struct app, timeout_ms), 1,
     DIRECTIVE_TIMEOUT_MAX_MS, "5s", "a duration up to 1h, as 5s"},
    {"", "slow_query", KIND_DURATION, offsetof(struct app, slow_query_ms), 0,
     INT64_MAX, "100ms", "a duration, as 100ms"},
    {"", "slow_request", KIND_DURATION, offsetof(struct app, slow_request_ms),
     0, INT64_MAX, "250ms", "a duration, as 250ms"},
    {"", "scan_rows", KIND_COUNT, offsetof(struct app, scan_rows), 0, INT64_MAX,
     "1000", "a number of rows"},
    {"", "response_max", KIND_SIZE, offsetof(struct app, response_max), 1,
     RESPONSE_MAX, "64M", "a size up to 1G, as 64M"},

    {"alerts", "response_time", KIND_ABOVE_TIME,
     offsetof(struct app, alerts.response_time), 0, 0, "100ms",
     "a duration, as 100ms, or off"},
    {"alerts", "db_query_time", KIND_ABOVE_TIME,
     offsetof(struct app, alerts.db_query_time), 0, 0, "10ms",
     "a duration, as 10ms, or off"},
    {"alerts", "memory_usage", KIND_ABOVE_MEMORY,
     offsetof(struct app, alerts.memory_usage), 0, 0, "500M",
     "a size, as 500M, or off"},
    {"alerts", "cache_hit_rate", KIND_PERCENT,
     offsetof(struct app, alerts.cache_hit_rate), 0, 0, "60",
     "a percentage up to 100, as 60, or off"},
    {"alerts", "error_rate", KIND_PERCENT,
     offsetof(struct app, alerts.error_rate), 0, 0, "1",
     "a percentage up to 100, as 1, or off"},
    {"alerts", "min_requests", KIND_COUNT,
     offsetof(struct app, alerts.min_requests), 1, INT64_MAX, "20",
     "a number from 1 up"},
    {"alerts", "hold", KIND_DURATION, offsetof(struct app, alerts.hold_ms), 0,
     HOUR_MS, "15s", "a duration up to 1h, as 15s"},
    {"alerts", "command", KIND_TEXT, offsetof(struct app, alerts.command), 0, 0,
     NULL, "a command for /bin/sh"},
};

enum { KEY_COUNT = sizeof KEYS / sizeof *KEYS };

struct reader {
    struct app *app;
    bool said[KEY_COUNT];
};

static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7F)
            return false;
    return s.len > 0;
}

/* The name becomes a file's name when no database is given. */
static bool is_name(struct slice s)
{
    return is_plain(s) && s.len <= NAME_BYTES_MAX && s.ptr[0] != '.' &&
           !memchr(s.ptr, '/', s.len);
}

/* ---- values ---- */

static bool set_text(struct app *app, const struct key *key, struct slice value)
{
    const char **member = (void *)((char *)app + key->offset);

    if (key->kind == KIND_NAME ? !is_name(value) : !is_plain(value))
        return false;
    *member = arena_text(app->arena, value);
    return true;
}

static bool set_number(struct app *app, const struct key *key,
                       struct slice value)
{
    int64_t *member = (void *)((char *)app + key->offset);
    bool good = key->kind == KIND_COUNT      ? text_int64(value, member)
                : key->kind == KIND_DURATION ? text_duration_ms(value, member)
                                             : text_size(value, member);

    return good && *member >= key->min && *member <= key->max;
}

static bool read_megabytes(struct slice value, double *out)
{
    int64_t n;

    if (text_int64(value, &n)) {
        *out = (double)n;
        return true;
    }
    if (!text_size(value, &n))
        return false;
    *out = (double)n / (1 << 20);
    return true;
}

static bool read_milliseconds(struct slice value, double *out)
{
    int64_t ms = 0;
    bool good = text_duration_ms(value, &ms);

    *out = (double)ms;
    return good;
}

/* A threshold of 0 would be one that is off, by accident. */
static bool set_threshold(struct app *app, const struct key *key,
                          struct slice value)
{
    double *member = (void *)((char *)app + key->offset);

    if (slice_is(value, "off")) {
        *member = 0;
        return true;
    }
    if (key->kind == KIND_ABOVE_MEMORY)
        return read_megabytes(value, member) && *member > 0;
    if (key->kind == KIND_ABOVE_TIME)
        return read_milliseconds(value, member) && *member > 0;
    return text_real(value, member) && *member > 0 && *member <= 100;
}

static bool set(struct app *app, const struct key *key, struct slice value)
{
    switch (key->kind) {
    case KIND_NAME:
    case KIND_TEXT: return set_text(app, key, value);
    case KIND_COUNT:
    case KIND_DURATION:
    case KIND_SIZE: return set_number(app, key, value);
    case KIND_ABOVE_TIME:
    case KIND_ABOVE_MEMORY:
    case KIND_PERCENT: break;
    }
    return set_threshold(app, key, value);
}

static void set_defaults(struct app *app)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (KEYS[i].fallback) {
            bool good = set(app, &KEYS[i], slice_of(KEYS[i].fallback));
            assert(good);
        }
}

/* ---- entries ---- */

static bool unknown_section(const char *section, struct fault *fault)
{
    static const char *const sections[] = {"alerts"};
    const char *meant = nearest(slice_of(section), sections, 1);

    if (meant == NULL)
        return fault_set(fault, "unknown section [%s]", section);
    return fault_set(fault, "unknown section [%s]: did you mean [%s]?", section,
                     meant);
}

static bool unknown_key(const struct conf_entry *entry, struct fault *fault)
{
    const char *names[KEY_COUNT];
    size_t count = 0;

    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(KEYS[i].section, entry->section) == 0)
            names[count++] = KEYS[i].name;
    if (count == 0)
        return unknown_section(entry->section, fault);
    const char *meant = nearest(slice_of(entry->key), names, count);
    if (meant == NULL)
        return fault_set(fault, "unknown key \"%s\"", entry->key);
    return fault_set(fault, "unknown key \"%s\": did you mean \"%s\"?",
                     entry->key, meant);
}

static bool on_entry(void *self, const struct conf_entry *entry,
                     struct fault *fault)
{
    struct reader *r = self;
    size_t i = 0;

    while (i < KEY_COUNT && (strcmp(entry->section, KEYS[i].section) != 0 ||
                             strcmp(entry->key, KEYS[i].name) != 0))
        i++;
    if (i == KEY_COUNT)
        return unknown_key(entry, fault);
    if (r->said[i])
        return fault_set(fault, "%s is said twice", KEYS[i].name);
    r->said[i] = true;
    return set(r->app, &KEYS[i], slice_of(entry->value)) ||
           fault_set(fault, "%s must be %s, not \"%s\"", KEYS[i].name,
                     KEYS[i].wanted, entry->value);
}

/* The folder's own name, also when the app is given as "." or "x/..". */
static const char *folder_name(struct arena *arena, const char *root)
{
    char *real = realpath(root, NULL);
    const char *path = real ? real : root;
    const char *slash = strrchr(path, '/');
    const char *name =
        arena_text(arena, slice_of(slash && slash[1] ? slash + 1 : path));

    free(real);
    return name;
}

bool appconf_parse(struct app *app, const char *root, const char *file,
                   struct slice text, struct fault *fault)
{
    struct reader r = {.app = app};
    struct fault reason;
    int line;

    set_defaults(app);
    if (!sqllex_check(text, &line, &reason))
        return fault_set(fault, "%s:%d: %s", file, line, reason.text);
    if (!conf_parse(file, text, on_entry, &r, fault))
        return false;
    if (app->name == NULL)
        app->name = folder_name(app->arena, root);
    if (app->database == NULL)
        app->database = arena_format(app->arena, "%s.db", app->name);
    if (app->database[0] != '/')
        app->database = arena_format(app->arena, "%s/%s", root, app->database);
    return true;
}
