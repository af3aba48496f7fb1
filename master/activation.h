/*
 * activation: listening sockets that systemd made (sd_listen_fds(3),
 * systemd.socket(5)): from descriptor 3 on, LISTEN_FDS of them, for the
 * process LISTEN_PID. They stand in place of the settings: one that is named
 * "admin" (LISTEN_FDNAMES) in place of --admin-bind, the others in place of
 * --bind. Master only.
 */
#ifndef PRONG_ACTIVATION_H
#define PRONG_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/settings/settings.h"
#include "common/text.h"

enum {
    ACTIVATION_FIRST = 3, /* SD_LISTEN_FDS_START */
    ACTIVATION_MAX = 64,
};

struct activation {
    size_t count; /* 0: there are none */
    bool admin[ACTIVATION_MAX];
};

/*
 * From the variables' texts, of which any may be null. None are there when
 * LISTEN_PID is another process; null stands for this one (a master that was
 * handed the sockets, and whose id nobody knew). False with the reason when
 * they are not what systemd writes, or too many.
 */
bool activation_parse(const char *pid, const char *fds, const char *names,
                      struct activation *out, struct fault *fault);

/* Puts "fd://3" … in place of the addresses in the settings. */
void activation_apply(const struct activation *a, struct settings *s);

#endif
