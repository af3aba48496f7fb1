#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/app/appconf.h"
#include "common/app/sqlfile.h"
#include "common/app/sqllex.h"
#include "common/settings/conf.h"

#include "common/app/app.h"

enum {
    FILE_MAX = 1 << 20,    /* app.conf and annotated SQL */
    SCRIPT_MAX = 16 << 20, /* migrations and demonstration rows */
};

const char *method_name(enum method m)
{
    static const char *const names[METHOD_COUNT] = {
        [METHOD_GET] = "GET",       [METHOD_POST] = "POST",
        [METHOD_PUT] = "PUT",       [METHOD_PATCH] = "PATCH",
        [METHOD_DELETE] = "DELETE",
    };
    return names[m];
}

const char *param_type_name(enum param_type t)
{
    static const char *const names[] = {
        [PARAM_INTEGER] = "integer", [PARAM_REAL] = "real",
        [PARAM_TEXT] = "text",       [PARAM_BOOLEAN] = "boolean",
        [PARAM_DATE] = "date",       [PARAM_DATETIME] = "datetime",
        [PARAM_JSON] = "json",       [PARAM_BLOB] = "blob",
    };
    return names[t];
}

/* ---- folders ---- */

static int is_sql(const struct dirent *entry)
{
    struct slice name = slice_of(entry->d_name);

    return name.len > 4 && name.ptr[0] != '.' &&
           strcmp(name.ptr + name.len - 4, ".sql") == 0;
}

/* Not alphasort: the order must not depend on a locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/*
 * Calls `on_file` with each "folder/name.sql" of `dir`, sorted, until it
 * returns false. A folder that is not there has no files.
 */
static bool each_sql(const char *folder,
                     bool (*on_file)(void *self, const char *folder,
                                     const char *name),
                     void *self, struct fault *fault)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_sql, by_name);
    bool good = true;

    if (count < 0)
        return errno == ENOENT ||
               fault_set(fault, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        good = good && on_file(self, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return good;
}

/* ---- loading ---- */

struct loader {
    struct app *app;
    struct sqlfile found;
    const char *root; /* the folder's path, without a slash at its end */
    struct fault *fault;
};

static const char *join(const struct loader *l, const char *folder,
                        const char *name)
{
    return arena_format(l->app->arena, "%s/%s", folder, name);
}

static bool read_script(struct loader *l, const char *file, const char *name,
                        struct script *out)
{
    struct fault reason;
    int line;

    *out = (struct script){.file = file,
                           .name = arena_text(l->app->arena, slice_of(name))};
    if (!conf_slurp(l->app->arena, file, SCRIPT_MAX, &out->text, l->fault))
        return false;
    return sqllex_check(out->text, &line, &reason) ||
           fault_set(l->fault, "%s:%d: %s", file, line, reason.text);
}

static bool on_migration(void *self, const char *folder, const char *name)
{
    struct loader *l = self;
    struct app *app = l->app;

    app->migrations = arena_grow(app->arena, app->migrations,
                                 app->migration_count, sizeof *app->migrations);
    return read_script(l, join(l, folder, name), name,
                       &app->migrations[app->migration_count++]);
}

static bool on_annotated(void *self, const char *folder, const char *name)
{
    struct loader *l = self;
    const char *file = join(l, folder, name);
    struct slice text;

    return conf_slurp(l->app->arena, file, FILE_MAX, &text, l->fault) &&
           sqlfile_parse(&l->found, file, text, l->fault);
}

static bool load_demo(struct loader *l)
{
    const char *file = join(l, l->root, "demo.sql");
    struct stat found;

    if (stat(file, &found) != 0)
        return errno == ENOENT ||
               fault_set(l->fault, "%s: %s", file, strerror(errno));
    l->app->demo = arena_alloc(l->app->arena, sizeof *l->app->demo);
    return read_script(l, file, "demo.sql", l->app->demo);
}

/* Only a folder counts; without one there are no pages to serve. */
static bool find_web(struct loader *l)
{
    const char *web = join(l, l->root, "web");
    struct stat found;

    if (stat(web, &found) == 0 && S_ISDIR(found.st_mode))
        l->app->web = web;
    return true;
}

static bool load_conf(struct loader *l)
{
    const char *file = join(l, l->root, "app.conf");
    struct slice text;

    if (!conf_slurp(l->app->arena, file, FILE_MAX, &text, l->fault) ||
        !appconf_parse(l->app, l->root, file, text, l->fault))
        return false;
    l->found.arena = l->app->arena;
    l->found.timeout_ms = l->app->timeout_ms;
    return true;
}

static bool load_folder(struct loader *l, const char *name,
                        bool (*on_file)(void *self, const char *folder,
                                        const char *name))
{
    return each_sql(join(l, l->root, name), on_file, l, l->fault);
}

static bool load(struct loader *l)
{
    return load_conf(l) && load_folder(l, "schema", on_migration) &&
           load_demo(l) && load_folder(l, "api", on_annotated) &&
           load_folder(l, "jobs", on_annotated) && find_web(l);
}

/* "x/" and "x" are one folder; messages should not read "x//api". */
static const char *root_of(struct arena *arena, const char *dir)
{
    struct slice root = slice_of(dir);

    while (root.len > 1 && root.ptr[root.len - 1] == '/')
        root.len--;
    return arena_text(arena, root);
}

struct app *app_load(const char *dir, struct fault *fault)
{
    struct arena *arena = arena_new();
    struct app *app = arena_alloc(arena, sizeof *app);
    struct loader l = {.app = app, .root = root_of(arena, dir), .fault = fault};

    app->arena = arena;
    app->dir = arena_text(arena, slice_of(dir));
    bool good = load(&l);
    app->endpoints = l.found.endpoints;
    app->endpoint_count = l.found.endpoint_count;
    app->jobs = l.found.jobs;
    app->job_count = l.found.job_count;
    if (good)
        return app;
    app_free(app);
    return NULL;
}

void app_free(struct app *app)
{
    if (app == NULL)
        return;
    sqlfile_release(&(struct sqlfile){.endpoints = app->endpoints,
                                      .endpoint_count = app->endpoint_count});
    arena_free(app->arena);
}

/* ---- fingerprint ---- */

/* FNV-1a; what is hashed is no secret and no attacker's. */
static uint64_t hash(uint64_t h, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001B3u;
    return h;
}

struct print {
    uint64_t sum;
};

static bool on_print(void *self, const char *folder, const char *name)
{
    struct print *print = self;
    char file[PATH_MAX];
    struct stat st = {0};
    int64_t facts[4] = {0};

    print->sum = hash(print->sum, folder, strlen(folder) + 1);
    print->sum = hash(print->sum, name, strlen(name) + 1);
    (void)snprintf(file, sizeof file, "%s/%s", folder, name);
    if (stat(file, &st) == 0) {
        facts[0] = (int64_t)st.st_mode & S_IFMT;
        facts[1] = S_ISREG(st.st_mode) ? (int64_t)st.st_size : 0;
        facts[2] = S_ISREG(st.st_mode) ? (int64_t)st.st_mtim.tv_sec : 0;
        facts[3] = S_ISREG(st.st_mode) ? (int64_t)st.st_mtim.tv_nsec : 0;
    }
    print->sum = hash(print->sum, facts, sizeof facts);
    return true;
}

uint64_t app_fingerprint(const char *dir)
{
    static const char *const folders[] = {"schema", "api", "jobs"};
    struct print print = {.sum = 0xCBF29CE484222325u};
    struct fault ignored;
    char folder[PATH_MAX];

    on_print(&print, dir, "app.conf");
    on_print(&print, dir, "demo.sql");
    on_print(&print, dir, "web"); /* whether it is there; not what is in it */
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        (void)snprintf(folder, sizeof folder, "%s/%s", dir, folders[i]);
        each_sql(folder, on_print, &print, &ignored);
    }
    return print.sum;
}
