/*
 * supervisor: policy. Which slot should be in which state, when a worker is
 * started, retired, killed or given up; what each signal means. Mechanism
 * (fork, kill, reap) is spawn's. It knows neither HTTP nor SQL, and the
 * worker's body is a parameter, so tests hand in bodies that exit, hang or
 * crash.
 */
#ifndef PRONG_SUPERVISOR_H
#define PRONG_SUPERVISOR_H

#include <stdbool.h>

#include "common/heritage.h"
#include "common/settings.h"

struct listeners;

/* One proven or candidate state of the world; HUP makes the next one. */
struct generation {
    struct settings *settings;
    struct app *app; /* may be null in tests */
};

struct supervisor_config {
    struct generation first;
    struct listeners *listeners; /* borrowed */
    worker_body *body;
    /*
     * Reads settings and app anew for HUP; false (it has logged why) keeps
     * the present generation. *out is then owned by the supervisor.
     */
    bool (*reload)(void *self, struct generation *out);
    /* Gives back a generation nobody uses any more. */
    void (*release)(void *self, struct generation *g);
    /* A number that changes when the app's files do, for --reload; may be
     * null. */
    uint64_t (*fingerprint)(void *self, const struct generation *g);
    void *self;
};

/*
 * Runs until told to stop; returns the master's exit code (EXIT_ASKED, or
 * EXIT_BOOT / EXIT_NO_APP when the first worker could never start).
 */
int supervisor_run(const struct supervisor_config *config);

#endif
