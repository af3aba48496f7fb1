#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>

#include "common/app/app.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/remote.h"
#include "common/sandbox/sandbox.h"

#include "master/keeper/keeper_confine.h"

/* The folder of a library that this program is made of; later ones of that
 * name may take its place, when the system is brought up to date. */
static int on_library(struct dl_phdr_info *info, size_t size, void *self)
{
    struct sandbox *s = self;

    (void)size;
    if (strchr(info->dlpi_name, '/'))
        sandbox_allow_file(s, info->dlpi_name, LANDLOCK_RUN);
    return 0;
}

/* The program, its libraries, and where the loader looks for them. */
static void allow_program(struct sandbox *s)
{
    sandbox_allow(s, "/proc/self/exe", LANDLOCK_RUN);
    sandbox_allow(s, "/etc/ld.so.cache", LANDLOCK_READ);
    dl_iterate_phdr(on_library, s);
}

static void allow_backups(struct sandbox *s, const struct heritage *h)
{
    const char *folder = h->settings->backup_dir;

    if (mkdir(folder, 0700) == 0)
        log_info("Made the folder %s for backups", folder);
    else if (errno != EEXIST)
        log_warning("The folder %s for backups cannot be made: %s", folder,
                    strerror(errno));
    sandbox_allow(s, folder, LANDLOCK_DATA);
    sandbox_allow(s, h->app->dir, LANDLOCK_READ);
    allow_program(s);
}

/* The socket is open; to a path the figures go with its address. */
static unsigned work_of_statsd(const struct settings *settings)
{
    struct remote to;
    struct fault ignored;
    bool path =
        settings->statsd_host &&
        remote_find(settings->statsd_host, STATSD_PORT, &to, &ignored) &&
        to.sa.ss_family == AF_UNIX;

    return path ? SYSCALLS_ADDRESS : SYSCALLS_SERVE;
}

void keeper_confine(const struct heritage *h)
{
    const struct settings *settings = h->settings;
    unsigned work = SYSCALLS_FILES | work_of_statsd(settings);
    struct sandbox s;
    struct buf said = {0};

    if (settings->no_sandbox)
        return;
    if (h->app->alerts.command) {
        log_info("The keeper is in no sandbox: alerts run a command");
        return;
    }
    sandbox_begin(&s, settings);
    sandbox_allow_file(&s, heritage_database(h), LANDLOCK_DATA);
    sandbox_allow_file(&s, settings->performance_log, LANDLOCK_ROTATE);
    if (settings->backup_dir) {
        work |= SYSCALLS_SPAWN;
        allow_backups(&s, h);
    }
    sandbox_enter(&s, settings, work, &said);
    log_debug("Keeper: %s", buf_text(&said));
    buf_free(&said);
}
