#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/segment/bells.h"
#include "master/pidfile.h"
#include "master/program.h"

#include "master/upgrade_private.h"

static const char *const names[TAKEN] = {
    [TAKEN_PID] = HANDOVER_PID,
    [TAKEN_FD] = HANDOVER_FD,
    [TAKEN_LISTEN_PID] = "LISTEN_PID",
    [TAKEN_LISTEN_PIDFDID] = "LISTEN_PIDFDID",
    [TAKEN_LISTEN_FDS] = "LISTEN_FDS",
    [TAKEN_LISTEN_FDNAMES] = "LISTEN_FDNAMES",
    [TAKEN_NOTIFY_SOCKET] = "NOTIFY_SOCKET",
    [TAKEN_WATCHDOG_USEC] = "WATCHDOG_USEC",
    [TAKEN_WATCHDOG_PID] = "WATCHDOG_PID",
};

/* ---- the beginning ------------------------------------------------------- */

const char *upgrade_variable(enum taken which)
{
    return names[which];
}

static void take_environment(struct upgrade *u)
{
    for (size_t i = 0; i < TAKEN; i++) {
        const char *value = getenv(names[i]);
        if (value)
            u->taken[i] = arena_text(u->arena, slice_of(value));
        unsetenv(names[i]);
    }
}

/* A pipe that has ended, or will when its writer does. */
static bool has_ended(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};

    return poll(&end, 1, 0) > 0;
}

static bool is_pipe(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* From here on no child gets them that is not meant to. */
static bool close_on_exec(struct upgrade *u, struct fault *fault)
{
    int *fds;
    size_t count = handover_fds(&u->given, u->arena, &fds);

    for (size_t i = 0; i < count; i++)
        if (fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0)
            return fault_set(fault, HANDOVER_FD ": %d: %s", fds[i],
                             strerror(errno));
    return true;
}

static bool take_handover(struct upgrade *u, struct fault *fault)
{
    const char *pid = u->taken[TAKEN_PID];
    const char *fds = u->taken[TAKEN_FD];

    if (pid == NULL && fds == NULL)
        return true;
    if (pid == NULL || fds == NULL)
        return fault_set(fault,
                         HANDOVER_PID " and " HANDOVER_FD " belong together");
    if (!handover_parse(pid, fds, u->arena, &u->given, fault) ||
        !close_on_exec(u, fault))
        return false;
    if (!is_pipe(u->given.life))
        return fault_set(fault, HANDOVER_FD ": %d is no pipe", u->given.life);
    u->follows = true;
    u->second = !has_ended(u->given.life);
    listeners_leave_files(u->second);
    return true;
}

/* The id of a new master is not known before it runs, so it is handed systemd's
 * sockets without LISTEN_PID. */
static bool take_activation(struct upgrade *u, struct fault *fault)
{
    const char *pid = u->taken[TAKEN_LISTEN_PID];

    if (pid == NULL && !u->follows)
        return true;
    return activation_parse(pid, u->taken[TAKEN_LISTEN_FDS],
                            u->taken[TAKEN_LISTEN_FDNAMES], &u->activation,
                            fault);
}

struct upgrade *upgrade_new(char **argv, struct fault *fault)
{
    struct arena *arena = arena_new();
    struct upgrade *u = arena_alloc(arena, sizeof *u);

    u->arena = arena;
    u->argv = argv;
    handover_none(&u->given);
    u->hear.fd = -1;
    u->program = program_find(argv[0]);
    u->folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    take_environment(u);
    u->notify =
        notify_new(u->taken[TAKEN_NOTIFY_SOCKET], u->taken[TAKEN_WATCHDOG_USEC],
                   u->taken[TAKEN_WATCHDOG_PID]);
    if (take_handover(u, fault) && take_activation(u, fault))
        return u;
    upgrade_free(u);
    return NULL;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void upgrade_free(struct upgrade *u)
{
    if (u == NULL)
        return;
    notify_free(u->notify);
    upgrade_word_close(u);
    close_if_open(u->given.life);
    close_if_open(u->given.word);
    close_if_open(u->given.control.fd);
    if (u->folder >= 0)
        close(u->folder);
    bells_free(u->bells);
    free(u->program);
    arena_free(u->arena);
}

const struct activation *upgrade_activation(const struct upgrade *u)
{
    return &u->activation;
}

struct notify *upgrade_notify(const struct upgrade *u)
{
    return u->notify;
}

/* ---- being the second ---------------------------------------------------- */

bool upgrade_follows(const struct upgrade *u)
{
    return u && u->follows;
}

bool upgrade_is_second(const struct upgrade *u)
{
    return u && u->second;
}

pid_t upgrade_former(const struct upgrade *u)
{
    return upgrade_follows(u) ? u->given.from : 0;
}

const char *upgrade_name(const struct upgrade *u)
{
    return upgrade_is_second(u) ? "Master.2" : "Master";
}

const char *upgrade_title(const struct upgrade *u)
{
    return upgrade_is_second(u) ? "master.2" : "master";
}

/* Those that the settings do not want any more are closed here. */
struct listeners *upgrade_listeners(struct upgrade *u, const struct settings *s,
                                    struct fault *fault)
{
    if (!upgrade_follows(u))
        return listeners_open(s, fault);
    struct listeners *given =
        listeners_take(u->given.sockets, u->given.socket_count, fault);
    if (given == NULL)
        return NULL;
    struct listeners *ours = listeners_next(given, s, fault);
    listeners_close(given);
    return ours;
}

/* ---- the segment and its bells ------------------------------------------- */

static bool is_eventfd(int fd)
{
    char link[64];
    char kind[64];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, kind, sizeof kind);
    return len > 0 &&
           slice_is((struct slice){kind, (size_t)len}, "anon_inode:[eventfd]");
}

static bool take_bells(struct upgrade *u)
{
    const struct handover *given = &u->given;

    if (!is_eventfd(given->bell))
        return false;
    for (size_t i = 0; i < given->bell_count; i++)
        if (!is_eventfd(given->bells[i]))
            return false;
    u->bells = bells_take(given->bells, given->bell_count);
    return u->bells != NULL;
}

static bool attach(struct upgrade *u, struct shared *shared,
                   const struct settings *s, struct fault *fault)
{
    if (!shared_attach(shared, u->given.segment, (size_t)s->cache_size, fault))
        return false;
    if (take_bells(u))
        return true;
    shared_close(shared);
    return fault_set(fault, "the bells do not fit");
}

static void close_bells(const struct handover *given)
{
    if (given->bell >= 0)
        close(given->bell);
    for (size_t i = 0; i < given->bell_count; i++)
        close(given->bells[i]);
}

bool upgrade_shared(struct upgrade *u, struct shared *shared,
                    const struct settings *s, struct fault *fault)
{
    struct fault why = {""};
    bool warm = upgrade_follows(u) && attach(u, shared, s, &why);

    if (upgrade_follows(u) && u->given.segment >= 0)
        close(u->given.segment); /* the mapping has one of its own */
    if (warm) {
        log_info("Cache and figures go on: the segment was handed over");
        return true;
    }
    if (!shared_open(shared, (size_t)s->cache_size, (size_t)s->cache_entry_max,
                     fault))
        return false;
    if (!upgrade_follows(u))
        return true;
    log_warning("Starting cold, with a segment of our own: %s", why.text);
    close_bells(&u->given);
    /* The first generation has been: a database that is missing by now is an
     * accident. */
    atomic_store(&shared->slots[SLOT_MASTER].generation, 1);
    return true;
}

bool upgrade_bells(struct upgrade *u, struct bells **bells, int *bell_fd)
{
    if (u == NULL || u->bells == NULL)
        return false;
    *bells = u->bells;
    *bell_fd = u->given.bell;
    u->bells = NULL;
    return true;
}

/* ---- promotion ----------------------------------------------------------- */

bool upgrade_pidfile(struct upgrade *u, const char *path, struct fault *fault)
{
    if (path)
        u->pidfile = arena_text(u->arena, slice_of(path));
    return u->second ? pidfile_write_second(path, fault)
                     : pidfile_write(path, fault);
}

static void on_life_end(void *self, unsigned events)
{
    struct upgrade *u = self;
    struct fault fault;

    (void)events;
    loop_del(u->loop, &u->life);
    u->second = false;
    listeners_leave_files(false);
    log_info("Master has been promoted.");
    if (!pidfile_promote(u->pidfile, &fault))
        log_error("%s", fault.text);
    u->promoted(u->self);
}

bool upgrade_watch(struct upgrade *u, struct loop *loop,
                   void (*promoted)(void *self), void *self)
{
    if (!upgrade_is_second(u))
        return true;
    u->loop = loop;
    u->promoted = promoted;
    u->self = self;
    u->life = (struct watch){on_life_end, u, u->given.life};
    return loop_add(loop, &u->life, LOOP_READ);
}
