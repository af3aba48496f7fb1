/*
 * source: where generations come from: the command line, the files it names,
 * the app's folder. Main owns the one there is; the supervisor comes back to
 * it at each reload, through the functions of struct supervisor_config.
 */
#ifndef PRONG_SOURCE_H
#define PRONG_SOURCE_H

#include <stdbool.h>

#include "common/settings/settings.h"
#include "common/text.h"
#include "master/activation.h"
#include "master/supervisor.h"

struct source {
    int argc;
    char **argv;
    const struct activation *activation; /* what systemd made; null: nothing */
    int start; /* folder we were started in; -c and ./prong.conf mean that */
    int home;  /* folder we are in since `chdir`; all other paths mean that */
};

/* Reads the settings for the first time, and enters the folder and takes the
 * umask and user that they name. SETTINGS_BAD with the reason. */
enum settings_outcome source_open(struct source *source, struct settings **out,
                                  struct fault *fault);

/* The app that the settings name; null with the reason. */
struct app *source_load_app(const struct settings *s, struct fault *fault);

/* The three functions of struct supervisor_config; self is the source. */
bool source_reload(void *self, struct generation *out, struct fault *fault);
void source_release(void *self, struct generation *g);
uint64_t source_fingerprint(void *self, const struct generation *g);

#endif
