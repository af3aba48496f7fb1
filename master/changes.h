/*
 * changes: in what two loaded apps, and two sets of settings, differ; for the
 * log of a reload, and for `prong check`. Pure: reads both, keeps nothing of
 * them.
 */
#ifndef PRONG_CHANGES_H
#define PRONG_CHANGES_H

#include <stdint.h>

#include "common/app/app.h"
#include "common/buf.h"
#include "common/settings/settings.h"

enum change {
    CHANGE_ADDED,
    CHANGE_CHANGED,
    CHANGE_REMOVED,
    CHANGE_KEPT,
    CHANGE_KINDS
};

struct changes {
    size_t endpoints[CHANGE_KINDS];
    size_t jobs[CHANGE_KINDS];
    size_t migrations; /* that the former app did not have */
    size_t settings;
    /* One line each: "GET /api/x changed (api/x.sql:3)", "job tidy added
     * (…)", "migration 002_more.sql", "workers: 2 -> 4". What is kept has
     * none. */
    struct texts lines;
    struct arena *arena; /* of the lines; the caller's to free */
};

/* The apps may be null: then neither has anything. */
struct changes changes_find(const struct app *before, const struct app *after);
/* Adds settings that differ. */
void changes_add_settings(struct changes *c, const struct settings *before,
                          const struct settings *after);
void changes_free(struct changes *c);

/* "2 endpoints added, 1 changed, 1 removed, 20 kept"; jobs, migrations and
 * settings behind it, as far as there are any. */
void changes_summary(const struct changes *c, struct buf *out);
/* The summary as a line of the log, and at most CHANGES_LOGGED of the others.
 * `entries` of the cache were kept: all that are in it, so with those of
 * endpoints that have changed, which no request finds any more. */
enum { CHANGES_LOGGED = 20 };
void changes_log(const struct changes *c, uint64_t entries);

#endif
