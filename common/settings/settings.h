/*
 * settings: what the operator decides, under Gunicorn's names. One table in
 * settings_table.c (flag, key, type, range, default, help) drives the flag
 * parser, the file reader, --help, --print-config, the man page and the
 * example file.
 *
 * Precedence, low to high: built-in default, environment (WEB_CONCURRENCY,
 * PORT), file (-c, or ./prong.conf when it exists), PRONG_CMD_ARGS, flags.
 */
#ifndef PRONG_SETTINGS_H
#define PRONG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/arena.h"
#include "common/text.h"

/* A list of texts, in the order given. */
struct texts {
    const char **at;
    size_t count;
};

/* Times are whole seconds unless the name says ms; 0 switches a limit off
 * where its help says so. Texts are null when unset. */
struct settings {
    /* the app and its data */
    const char *app;      /* the folder, the one positional argument */
    const char *config;   /* the file read, null when none */
    const char *database; /* overrides app.conf */

    /* server socket */
    struct texts bind;
    int64_t backlog;

    /* worker processes */
    int64_t workers; /* resolved: `auto` has become the number of CPUs */
    int64_t worker_connections;
    int64_t workers_min; /* of what the load decides */
    int64_t workers_max; /* 0: it decides nothing */
    int64_t threads;
    int64_t max_requests;
    int64_t max_requests_jitter;
    int64_t max_worker_memory; /* bytes; 0: never */
    int64_t max_worker_lifetime;
    int64_t timeout;
    int64_t graceful_timeout;
    int64_t keepalive;

    /* limits on requests; sizes in bytes; a 0 has become the upper limit */
    int64_t limit_request_line;
    int64_t limit_request_fields;
    int64_t limit_request_field_size;
    int64_t limit_request_body;
    int64_t header_timeout;
    int64_t body_timeout;
    int64_t send_timeout; /* without progress of an answer being sent */
    int64_t limit_unsent; /* bytes of one worker */
    int64_t limit_connections;
    int64_t limit_connections_per_address;
    int64_t limit_queued_writes;
    int64_t limit_auth_failures; /* a minute */
    int64_t shed_ms;

    /* behind a proxy */
    struct texts forwarded_allow_ips;
    const char *proxy_protocol; /* "off", "v1", "v2" or "auto" */
    struct texts proxy_allow_ips;

    /* browsers */
    struct texts cors_origin;
    const char *security_headers; /* "on" or "off" */
    const char *content_security_policy;

    /* the cache, and what is sent */
    int64_t cache_size;      /* bytes of shared memory; 0: no cache */
    int64_t cache_entry_max; /* bytes of the largest answer kept */
    const char *gzip;        /* "on" or "off" */
    int64_t gzip_min_length; /* bytes */
    int64_t gzip_comp_level; /* 1 to 9 */

    /* writes, and copies of them */
    const char *durability;     /* "full" or "normal" */
    int64_t wal_autocheckpoint; /* pages */
    int64_t journal_size_limit; /* bytes of the WAL */
    int64_t idempotency_expiry;
    const char *backup_dir;      /* null: no backups */
    const char *backup_schedule; /* "DAILY 03:15"; null: none by schedule */
    int64_t backup_keep;         /* files */

    /* monitoring */
    const char *monitoring;      /* "on" or "off" */
    struct texts admin_bind;     /* where operators need no token */
    const char *performance_log; /* null: none */
    int64_t performance_interval;
    int64_t performance_log_size;  /* bytes, then it is rotated */
    int64_t performance_log_count; /* rotated files kept */

    /* server mechanics */
    const char *chdir;
    struct texts raw_env; /* KEY=VALUE */
    const char *pidfile;
    const char *user;
    const char *group;
    int64_t umask;
    const char *proc_name;
    const char *control_socket; /* null: beside the database */
    int64_t control_socket_mode;

    /* logs */
    const char *accesslog; /* null: off; "-": standard output */
    const char *access_log_format;
    const char *errorlog;
    const char *loglevel;
    const char *log_format; /* "text" or "json" */
    const char *syslog_addr;
    const char *syslog_prefix;
    const char *syslog_facility;
    const char *statsd_host; /* null: none */
    const char *statsd_prefix;
    const char *dogstatsd_tags;

    /* switches */
    bool demo;
    bool reuse_port;
    bool daemon;
    bool reload;
    bool check_config;
    bool print_config;
    bool no_control_socket;
    bool no_sandbox;
    bool syslog;
    bool disable_redirect_access_to_syslog;

    struct arena *arena; /* holds every text above */
};

/* What settings_load says beside true and false. */
enum settings_outcome {
    SETTINGS_OK,
    SETTINGS_BAD,  /* *fault says flag or file:line, and why */
    SETTINGS_DONE, /* --help or --version was asked and has been printed */
};

/*
 * Reads everything into a new struct. argv is main's. On SETTINGS_BAD and
 * SETTINGS_DONE *out is null. Called again at HUP with the same argv.
 */
enum settings_outcome settings_load(int argc, char **argv,
                                    struct settings **out, struct fault *fault);
/* Null is allowed. */
void settings_free(struct settings *s);

/* The present values, one "key = value" line each, in the table's order. */
void settings_print(const struct settings *s, FILE *to);
/* The three documents made from the table. */
void settings_help(FILE *to);
void settings_man(FILE *to);     /* roff source of prong(8) */
void settings_example(FILE *to); /* etc/prong.conf */

/* A setting that has another value than before. */
struct settings_change {
    const char *key;
    const char *before, *after; /* as they would be written, items of a list
                                   with ", " between them; "" when unset. Null
                                   when they may be secret */
    bool fixed;                 /* it stands for the life of the master */
};

/* Those that differ, in the table's order: how many, and *out where they
 * stand, in `arena`. */
size_t settings_compare(const struct settings *before,
                        const struct settings *after, struct arena *arena,
                        const struct settings_change **out);
/* Gives `next` the values of `present` in what stands for the life of the
 * master. */
void settings_keep_fixed(struct settings *next, const struct settings *present);

#define PRONG_VERSION "0.1.0"

#endif
