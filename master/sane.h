/*
 * sane: what the table of settings cannot check because it takes more than a
 * number's range or a word's choices: addresses, networks, origins. Asked
 * before anything is started, and again before a reload begins.
 */
#ifndef PRONG_SANE_H
#define PRONG_SANE_H

#include <stdbool.h>

#include "common/settings/settings.h"

/* Whether each address to listen at can be read; whether it can be had is seen
 * later. May ask the resolver. */
bool sane_addresses(const struct settings *s, struct fault *fault);

/* The lists of networks and origins, and the Content-Security-Policy. */
bool sane_lists(const struct settings *s, struct fault *fault);

#endif
