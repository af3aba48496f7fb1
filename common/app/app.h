/*
 * app: one loaded generation of an app folder, as plain data. The master
 * loads it, children inherit it across the fork and never change it.
 *
 *     app.conf             name, database, limits (key = value)
 *     schema/NNN_name.sql  migrations, in the order of their names
 *     demo.sql             demonstration rows
 *     api/ *.sql           endpoints, one file a resource
 *     jobs/ *.sql          scheduled SQL
 *     web/                 pages and assets
 *
 * Nothing here opens a database: whether the SQL is right is for db to say.
 * Everything hangs on one arena and dies with app_free.
 */
#ifndef PRONG_APP_H
#define PRONG_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/schedule.h"
#include "common/text.h"

enum {
    APP_PARAMS_MAX = 32,     /* declared parameters of one endpoint */
    APP_STATEMENTS_MAX = 16, /* statements of one endpoint */
};

enum method {
    METHOD_GET,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_COUNT
};

struct pattern;

enum param_type {
    PARAM_INTEGER,
    PARAM_REAL,
    PARAM_TEXT,
    PARAM_BOOLEAN,
    PARAM_DATE,
    PARAM_DATETIME,
    PARAM_JSON,
    PARAM_BLOB, /* base64 in the request, bytes in SQL */
};

/* "@param name type …". Limits are kept as written and as numbers; for text
 * and blob they bound the length (characters, bytes), for dates they compare
 * as text. */
struct param {
    const char *name;
    enum param_type type;
    bool required;
    bool in_path;         /* {name} stands in the path; always required */
    bool of_each;         /* belongs to the elements of @each, not the body */
    const char *fallback; /* "default v", already checked; null when unsaid */
    const char *min;      /* null when unsaid */
    const char *max;
    double min_number, max_number;
    const char **choices; /* "in a,b", ends with null; null when unsaid */
    const char *pattern;  /* "pattern …", POSIX extended; null when unsaid */
    struct pattern *matcher; /* it, compiled; null when unsaid */
};

/* One statement, its text a terminated copy whose `:auth.x` were rewritten to
 * `:auth_x` (same length, so offsets still point into the file). */
struct sql {
    const char *text;
    int line; /* of its first character, from 1 */
};

enum shape {
    SHAPE_MANY,  /* array of objects; the default */
    SHAPE_ONE,   /* one object, 404 without a row */
    SHAPE_NONE,  /* 204 */
    SHAPE_VALUE, /* the first column of the first row, bare; 404 without */
};

struct page {
    bool on;
    int64_t size;      /* rows when the client names no limit */
    int64_t max;       /* most rows a client may ask for */
    const char **keys; /* keyset columns, ends with null; null: by offset */
    bool descending;   /* "key=-id": all keys fall */
};

enum rate_by { RATE_BY_ADDRESS, RATE_BY_USER, RATE_BY_TOKEN };

struct rate {
    bool on;
    double per_second;
    int64_t burst;
    enum rate_by by;
};

struct endpoint {
    const char *file; /* as opened, for messages */
    int line;         /* of its first line, from 1 */
    enum method method;
    const char *path;        /* "/api/chefs/{id}" */
    const char *description; /* the other comment lines; "" when none */

    /* null or "public": anybody. "user": any token. Else that role or admin. */
    const char *auth;

    struct param *params;
    size_t param_count;
    struct sql *statements;
    size_t statement_count;

    enum shape shape;
    bool shape_said; /* false: the default, and 204 if no statement has rows */
    struct page page;
    const char **sort; /* "@sort a,b", ends with null, or null */
    const char **json; /* "@json a,b", ends with null, or null */
    const char *each;  /* "@each name max n"; null when unsaid */
    int64_t each_max;
    int status;         /* "@status 201"; 0 when unsaid */
    bool warm;          /* "@warm" */
    bool slow;          /* "@slow": its statements begin in the slow lane */
    int64_t timeout_ms; /* "@timeout"; the app's default when unsaid */
    const char *http;   /* "@http": Cache-Control; null when unsaid */
    int64_t cache_ms;   /* "@cache"; 0 when unsaid */
    struct rate rate;   /* "@rate" */
    /* "@cors a b": origins whose pages may use it, "*" all, "off" none; ends
     * with null. Null: what the setting cors_origin says. */
    const char **cors;
    /* Of everything the block says, comments aside: another number, another
     * endpoint. What was kept of the former one is not found any more. */
    uint64_t fingerprint;
};

/* "-- EVERY 5m name" or "-- DAILY 03:30 name": a block like an endpoint. */
struct job {
    const char *file;
    int line;
    const char *name;
    struct schedule when;
    const char *description;
    int64_t timeout_ms;
    struct sql *statements;
    size_t statement_count;
};

/* "[alerts]" of app.conf: when the operator is told. 0: switched off. */
struct alert_rules {
    double response_time;  /* ms, mean of a minute: "100ms" */
    double db_query_time;  /* ms, mean of a minute: "10ms" */
    double memory_usage;   /* MB, all processes: "500M" */
    double cache_hit_rate; /* percent; alerts below: "60" */
    double error_rate;     /* percent of 5xx: "1" */
    int64_t min_requests;  /* of the minute, or nothing is judged: 20 */
    int64_t hold_ms;       /* it lasts so long before it rises or clears: 15s */
    const char *command;   /* run by /bin/sh when one rises or clears; null */
};

/* A whole SQL file that is run as it stands. */
struct script {
    const char *file;  /* path as opened */
    const char *name;  /* file name without the folder */
    struct slice text; /* NUL-terminated behind len */
};

struct app {
    const char *dir;      /* as given on the command line */
    const char *name;     /* app.conf "name"; the folder's name when unsaid */
    const char *database; /* app.conf "database", resolved against dir */
    const char *web;      /* dir/web, or null when there is no such folder */

    int64_t timeout_ms;      /* default of @timeout: "timeout", 5 s */
    int64_t slow_query_ms;   /* "slow_query", 100 ms: log statements over it */
    int64_t slow_request_ms; /* "slow_request", 250 ms: kept as slow ones */
    int64_t scan_rows;       /* "scan_rows", 1000: tables larger than this are
                                worth a warning when scanned */
    int64_t response_max;    /* "response_max", 64M: larger answers are a 500 */

    struct alert_rules alerts;

    struct endpoint *endpoints;
    size_t endpoint_count;
    struct job *jobs;
    size_t job_count;
    struct script *migrations; /* sorted by name */
    size_t migration_count;
    struct script *demo; /* null when there is none */

    struct arena *arena;
};

/*
 * Reads the whole folder. Null and a "file:line: reason" in *fault when
 * anything in it is wrong; the caller's present app is untouched.
 */
struct app *app_load(const char *dir, struct fault *fault);
/* Null is allowed. Also frees what regcomp allocated. */
void app_free(struct app *app);

/*
 * A number that changes when any file of the folder that app_load reads is
 * added, removed, or changed in size or modification time. For --reload.
 */
uint64_t app_fingerprint(const char *dir);

/* "GET"; never null for a member of the enum. */
const char *method_name(enum method m);
const char *param_type_name(enum param_type t);

#endif
