#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/directive.h"
#include "common/nearest.h"
#include "common/sqllex.h"

#include "common/appconf.h"

enum { NAME_BYTES_MAX = 64 };

enum key {
    KEY_NAME,
    KEY_DATABASE,
    KEY_TIMEOUT,
    KEY_SLOW_QUERY,
    KEY_SCAN_ROWS,
    KEY_RESPONSE_MAX,
    KEY_COUNT
};

static const char *const KEYS[KEY_COUNT] = {
    [KEY_NAME] = "name",           [KEY_DATABASE] = "database",
    [KEY_TIMEOUT] = "timeout",     [KEY_SLOW_QUERY] = "slow_query",
    [KEY_SCAN_ROWS] = "scan_rows", [KEY_RESPONSE_MAX] = "response_max",
};

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

static bool set_text(struct app *app, const char **out, struct slice value)
{
    *out = arena_text(app->arena, value);
    return true;
}

static bool set(struct app *app, enum key key, struct slice value)
{
    switch (key) {
    case KEY_NAME: return is_name(value) && set_text(app, &app->name, value);
    case KEY_DATABASE:
        return is_plain(value) && set_text(app, &app->database, value);
    case KEY_TIMEOUT:
        return text_duration_ms(value, &app->timeout_ms) &&
               app->timeout_ms > 0 &&
               app->timeout_ms <= DIRECTIVE_TIMEOUT_MAX_MS;
    case KEY_SLOW_QUERY: return text_duration_ms(value, &app->slow_query_ms);
    case KEY_SCAN_ROWS:
        return text_int64(value, &app->scan_rows) && app->scan_rows >= 0;
    case KEY_RESPONSE_MAX:
        return text_size(value, &app->response_max) && app->response_max > 0 &&
               app->response_max <= 1 << 30;
    case KEY_COUNT: break;
    }
    return false;
}

/* What a value of the key looks like, for the fault. */
static const char *wanted(enum key key)
{
    static const char *const words[KEY_COUNT] = {
        [KEY_NAME] = "a name up to 64 bytes, without '/' and no dot in front",
        [KEY_DATABASE] = "the path of a file",
        [KEY_TIMEOUT] = "a duration up to 1h, as 5s",
        [KEY_SLOW_QUERY] = "a duration, as 100ms",
        [KEY_SCAN_ROWS] = "a number of rows",
        [KEY_RESPONSE_MAX] = "a size up to 1G, as 64M",
    };
    return words[key];
}

static bool unknown(const char *key, struct fault *fault)
{
    const char *meant = nearest(slice_of(key), KEYS, KEY_COUNT);

    if (meant == NULL)
        return fault_set(fault, "unknown key \"%s\"", key);
    return fault_set(fault, "unknown key \"%s\": did you mean \"%s\"?", key,
                     meant);
}

static bool on_entry(void *self, const struct conf_entry *entry,
                     struct fault *fault)
{
    struct reader *r = self;
    enum key key = 0;

    if (entry->section[0] != '\0')
        return fault_set(fault, "unknown section [%s]", entry->section);
    while (key < KEY_COUNT && strcmp(entry->key, KEYS[key]) != 0)
        key++;
    if (key == KEY_COUNT)
        return unknown(entry->key, fault);
    if (r->said[key])
        return fault_set(fault, "%s is said twice", KEYS[key]);
    r->said[key] = true;
    return set(r->app, key, slice_of(entry->value)) ||
           fault_set(fault, "%s must be %s, not \"%s\"", KEYS[key], wanted(key),
                     entry->value);
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

    app->timeout_ms = 5000;
    app->slow_query_ms = 100;
    app->scan_rows = 1000;
    app->response_max = 64 << 20;
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
