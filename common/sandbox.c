#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/capabilities.h"
#include "common/remote.h"

#include "common/sandbox.h"

/* ---- collecting ----------------------------------------------------------*/

/* As root a process may open all; without its capabilities only what is its
 * own. */
static bool is_strangers(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_uid != geteuid();
}

void sandbox_allow(struct sandbox *s, const char *path, enum landlock_use use)
{
    int fd = path ? open(path, O_PATH | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    s->strangers |= is_strangers(fd);
    if (s->rules.abi > 0)
        landlock_allow(&s->rules, fd, use);
    close(fd);
}

static void allow_folder_of(struct sandbox *s, const char *path,
                            enum landlock_use use)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (len >= sizeof folder)
        return;
    memcpy(folder, path, len);
    folder[len] = '\0';
    if (slash == NULL)
        sandbox_allow(s, ".", use);
    else
        sandbox_allow(s, len > 0 ? folder : "/", use);
}

void sandbox_allow_file(struct sandbox *s, const char *path,
                        enum landlock_use use)
{
    struct stat st;

    if (path == NULL || strcmp(path, "-") == 0 || strcmp(path, ":memory:") == 0)
        return;
    sandbox_allow(s, path, use);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return;
    char *real = realpath(path, NULL);
    allow_folder_of(s, path, use);
    if (real)
        allow_folder_of(s, real, use);
    free(real);
}

/*
 * Of /proc the files of the process itself, and who holds a lock; of other
 * processes Landlock leaves what ps(1) shows. The folder as a whole, because
 * that of a process is another file each time the kernel has forgotten it.
 */
static void allow_everybodys(struct sandbox *s)
{
    static const char *const paths[] = {"/proc", "/etc/localtime",
                                        "/usr/share/zoneinfo", "/dev/urandom"};

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        sandbox_allow(s, paths[i], LANDLOCK_READ);
    sandbox_allow(s, "/dev/null", LANDLOCK_DATA);
}

/* A stream that broke is opened anew (syslogger.h). */
static bool reconnects(const struct settings *settings, struct remote *to)
{
    struct fault ignored;

    return settings->syslog && settings->syslog_addr &&
           remote_find(settings->syslog_addr, SYSLOG_PORT, to, &ignored) &&
           to->way != REMOTE_UDP && to->way != REMOTE_UNIX_DGRAM;
}

static uint16_t port_of(const struct remote *r)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    memcpy(&v4, &r->sa, sizeof v4);
    memcpy(&v6, &r->sa, sizeof v6);
    return ntohs(r->sa.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

void sandbox_begin(struct sandbox *s, const struct settings *settings)
{
    struct remote log;

    *s = (struct sandbox){.strangers = false};
    landlock_begin(&s->rules);
    allow_everybodys(s);
    sandbox_allow_file(s, settings->errorlog, LANDLOCK_APPEND);
    if (s->rules.abi > 0 && reconnects(settings, &log) && log.way == REMOTE_TCP)
        landlock_allow_port(&s->rules, port_of(&log));
}

/* ---- entering ------------------------------------------------------------*/

static void lack(struct buf *said, const char *what, int reason)
{
    buf_format(said, ", no %s (%s)", what, strerror(reason));
}

static void enter_landlock(struct sandbox *s, struct buf *said)
{
    if (s->rules.abi == 0)
        lack(said, "Landlock", ENOSYS);
    else if (landlock_enter(&s->rules))
        buf_format(said, ", Landlock ABI %d", s->rules.abi);
    else
        lack(said, "Landlock", errno);
}

static void enter_seccomp(unsigned work, struct buf *said)
{
    int calls = syscalls_enter(work);

    if (calls > 0)
        buf_format(said, ", seccomp %d calls", calls);
    else if (syscalls_instrumented())
        buf_string(said, ", no seccomp (built with sanitizers)");
    else
        lack(said, "seccomp", errno);
}

static void limit_capabilities(const struct sandbox *s, struct buf *said)
{
    uint64_t keep = s->strangers ? capabilities_of_files : 0;

    if (!capabilities_limit(keep))
        lack(said, "limit of capabilities", errno);
    else if (capabilities_permitted() != 0)
        buf_string(said, ", root's rights on files, which are another user's");
    else
        buf_string(said, ", no capabilities");
}

/* In this order: each of them needs a call that a later one takes away. */
void sandbox_enter(struct sandbox *s, const struct settings *settings,
                   unsigned work, struct buf *said)
{
    struct remote log;

    if (reconnects(settings, &log))
        work |= SYSCALLS_CONNECT;
    buf_string(said, "Sandbox: no_new_privs");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        lack(said, "no_new_privs", errno);
    limit_capabilities(s, said);
    enter_landlock(s, said);
    enter_seccomp(work, said);
}
