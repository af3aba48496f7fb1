/*
 * settings_table: what the settings_*.c files share. Private to them: the
 * rest of the program knows settings.h alone.
 *
 *   settings_serving.c, settings_data.c, settings_running.c   the rows
 *   settings_table.c   all of them as one table
 *   settings_names.c   finding a row by key, flag or letter
 *   settings_value.c   text into a field and back
 *   settings_flags.c   words of a command line
 *   settings.c         the layers, lowest first
 *   settings_diff.c    what a reload changes, and what it cannot
 *   settings_doc.c     help, man page, example file, present values
 *   settings_notes.c   what help and man page say beside the settings
 */
#ifndef PRONG_SETTINGS_TABLE_H
#define PRONG_SETTINGS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/settings/settings.h"
#include "common/text.h"

/* How a value is written, and what its field in struct settings is. */
enum setting_type {
    SETTING_ACT,      /* no field: prints something, and that was all */
    SETTING_BOOL,     /* bool; as a flag it needs no value */
    SETTING_INT,      /* int64_t */
    SETTING_WORKERS,  /* int64_t; also "auto" */
    SETTING_SIZE,     /* int64_t; K, M and G count in powers of 1024 */
    SETTING_MODE,     /* int64_t; octal with a leading 0 or 0o, else decimal */
    SETTING_TEXT,     /* const char *; empty makes it null */
    SETTING_WORD,     /* const char *; one of the choices, in lower case */
    SETTING_FORMAT,   /* const char *; of the access log */
    SETTING_SCHEDULE, /* const char *; as schedule.h reads it */
    SETTING_REMOTE,   /* const char *; as remote.h reads it, in a form of the
                         choices */
    SETTING_LIST,     /* struct texts; commas part items, never empty */
    SETTING_PAIRS,    /* struct texts; KEY=VALUE, commas belong to the value */
};

enum setting_group {
    GROUP_APP,
    GROUP_SOCKET,
    GROUP_WORKERS,
    GROUP_LIMITS,
    GROUP_PROXY,
    GROUP_BROWSERS,
    GROUP_CACHE,
    GROUP_WRITES,
    GROUP_MONITORING,
    GROUP_MECHANICS,
    GROUP_LOGS,
    GROUP_ACTS,
    GROUP_COUNT
};

/* One setting. Names and texts are null, numbers 0 where they do not apply. */
struct setting {
    const char *key;   /* in the file; null: not a matter for a file */
    const char *flag;  /* long flag without its dashes; null: none */
    const char *alias; /* second long flag */
    char letter;       /* short flag */
    bool fixed;        /* stands for the life of the master: a reload does
                          not change it. No list, and it has a key */
    enum setting_type type;
    enum setting_group group;
    size_t field; /* offset in struct settings */
    int64_t min, max;
    int64_t zero;           /* what a 0 stands for, when not for itself */
    const char *choices;    /* words, a blank between two */
    const char *bare;       /* of a word: what the flag alone says; "true"
                               says it in a file, and "false" the first choice */
    const char *fallback;   /* the default as it would be written */
    const char *env;        /* variable that changes the default… */
    const char *env_prefix; /* …with this before its value */
    const char *value;      /* what the value is called in the help */
    const char *help;       /* sentences; null: not shown anywhere */
    void (*act)(FILE *to);  /* SETTING_ACT: prints it */
};

enum {
    SETTINGS_PARTS = 3,
    SETTINGS_PART = 56,                             /* most rows of one */
    SETTINGS_ROOM = SETTINGS_PARTS * SETTINGS_PART, /* of all, for arrays */
};

/* What a setting's field is, and which. */
#define FIELD(kind, name)                                                      \
    .type = SETTING_##kind, .field = offsetof(struct settings, name)

struct setting_rows {
    const struct setting *at;
    size_t count;
};

/* The parts of the table, in the order of the help. */
extern const struct setting_rows settings_serving;
extern const struct setting_rows settings_data;
extern const struct setting_rows settings_running;

/* All rows: how many, the one at a place, the place of one. */
size_t settings_count(void);
const struct setting *setting_at(size_t i);
size_t setting_index(const struct setting *row);
/* Titles of the groups, by enum setting_group. */
extern const char *const setting_groups[GROUP_COUNT];

/* A name and what it means; one without a name ends an array. */
struct note {
    const char *name;
    const char *text;
};

/* Of the help and the man page; one without a title ends the array. */
struct section {
    const char *title;
    const struct note *notes;
};

extern const struct section settings_sections[];

/*
 * By name, null when there is none. A file may name a setting by its key or
 * by its flag; '-' and '_' are the same in every name (Gunicorn mixes them,
 * as in --limit-request-field_size).
 */
const struct setting *setting_by_key(struct slice name);
const struct setting *setting_by_flag(struct slice name);
const struct setting *setting_by_letter(char letter);
/* The key, or the flag without dashes, that was probably meant by a name
 * nobody has; null when none is near. */
const char *setting_near_key(struct slice name);
const char *setting_near_flag(struct slice name);

/* Reads text into the row's field; lists grow by it. False with "must be …"
 * in *f and the field as it was. */
bool setting_read(struct settings *s, const struct setting *row,
                  struct slice text, struct fault *f);
/* Whether a row takes that word. */
bool setting_has_choice(const struct setting *row, struct slice text);
/* A list forgets its items; other settings keep their value. */
void setting_forget(struct settings *s, const struct setting *row);
/* Appends what values the row takes ("1 to 256, or auto"), in words; nothing
 * when it takes any text. */
void setting_demand(const struct setting *row, struct buf *out);
/* "key = value" lines: one, or one an item. */
void setting_print(const struct settings *s, const struct setting *row,
                   FILE *to);

/* One flag as it was given. */
struct flag {
    const struct setting *row;
    const char *name; /* "--workers", "-w" or "APP", for messages */
    const char *value;
};

/* A command line, in order. */
struct flags {
    struct flag *at;
    size_t count;
    void (*act)(FILE *to); /* --help and the like: nothing behind it counts */
};

/* Words with their terminating null not counted, as in argc and argv + 1. */
struct words {
    const char **at;
    size_t count;
};

/* Splits as a shell does: blanks, '…', "…" and backslashes; no expansion. */
bool words_split(struct arena *arena, const char *line, struct words *out,
                 struct fault *f);
/* False with "--flag: reason". Values are not looked at yet. */
bool flags_parse(struct arena *arena, const struct words *words,
                 struct flags *out, struct fault *f);
/* The value of the last --config; null when there is none. */
const char *flags_config(const struct flags *flags);

#endif
