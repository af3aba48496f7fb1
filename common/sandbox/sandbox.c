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

#include "common/remote.h"
#include "common/sandbox/capabilities.h"
#include "common/syslogger.h"

#include "common/sandbox/sandbox.h"

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

/* "." without a slash; false: it is too long to be any. */
static bool folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (len >= PATH_MAX)
        return false;
    if (len == 0)
        snprintf(folder, PATH_MAX, "%s", slash ? "/" : ".");
    else
        snprintf(folder, PATH_MAX, "%.*s", (int)len, path);
    return true;
}

static void allow_folder_of(struct sandbox *s, const char *path,
                            enum landlock_use use)
{
    char folder[PATH_MAX];

    if (folder_of(path, folder))
        sandbox_allow(s, folder, use);
}

static bool is_path(const char *text)
{
    return text && strcmp(text, "-") != 0 && strcmp(text, ":memory:") != 0;
}

static bool is_device(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

void sandbox_allow_file(struct sandbox *s, const char *path,
                        enum landlock_use use)
{
    if (!is_path(path))
        return;
    sandbox_allow(s, path, use);
    if (is_device(path))
        return;
    char *real = realpath(path, NULL);
    allow_folder_of(s, path, use);
    if (real)
        allow_folder_of(s, real, use);
    free(real);
}

/* Both as realpath(3) has them. */
static bool lies_in(const char *below, const char *folder)
{
    size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);

    return strncmp(below, folder, len) == 0 &&
           (below[len] == '/' || below[len] == '\0');
}

static bool is_above(const char *file, const char *below)
{
    char folder[PATH_MAX];
    char *real = folder_of(file, folder) ? realpath(folder, NULL) : NULL;
    bool above = real && lies_in(below, real);

    free(real);
    return above;
}

bool sandbox_covers(const char *path, const char *folder)
{
    if (!is_path(path) || is_device(path))
        return false;
    char *below = realpath(folder, NULL);
    char *real = realpath(path, NULL);
    bool covers =
        below && (is_above(path, below) || (real && is_above(real, below)));
    free(real);
    free(below);
    return covers;
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

static bool has_syslog(const struct settings *settings, struct remote *to)
{
    struct fault ignored;

    return settings->syslog && settings->syslog_addr &&
           remote_find(settings->syslog_addr, SYSLOG_PORT, to, &ignored);
}

/*
 * A stream that broke is opened anew (syslogger.h), and so is what may turn out
 * to be one. A socket for datagrams is kept; but it could not be made when the
 * network was not there yet.
 */
static unsigned work_of_syslog(const struct settings *settings)
{
    struct remote to;
    unsigned work = SYSCALLS_SERVE;

    if (!has_syslog(settings, &to))
        return work;
    if (to.way != REMOTE_UDP && to.way != REMOTE_UNIX_DGRAM)
        work |= SYSCALLS_CONNECT;
    if (!remote_is_stream(&to))
        work |= SYSCALLS_ADDRESS;
    if (!remote_is_stream(&to) && syslogger_descriptor() < 0)
        work |= SYSCALLS_DATAGRAMS;
    return work;
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
    if (s->rules.abi > 0 && has_syslog(settings, &log) && log.way == REMOTE_TCP)
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
    buf_string(said, "Sandbox: no_new_privs");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        lack(said, "no_new_privs", errno);
    limit_capabilities(s, said);
    enter_landlock(s, said);
    enter_seccomp(work | work_of_syslog(settings), said);
}
