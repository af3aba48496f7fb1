#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/app/title.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/bells.h"
#include "common/settings/settings.h"
#include "common/syslogger.h"
#include "master/daemon.h"

#include "master/spawn.h"

/* ---- the child, before its body ---------------------------------------- */

static bool is_bell(const struct heritage *h, int fd)
{
    const int *bells;
    size_t count = bells_fds(h->bells, &bells);

    for (size_t i = 0; i < count; i++)
        if (fd == bells[i])
            return true;
    return false;
}

static bool belongs(const struct heritage *h, int fd)
{
    if (fd == h->news_fd || fd == h->life_fd || fd == h->bell_fd ||
        fd == log_descriptor() || fd == syslogger_descriptor())
        return true;
    for (size_t i = 0; i < h->listener_count; i++)
        if (fd == h->listeners[i])
            return true;
    return is_bell(h, fd);
}

static int higher(int a, int b)
{
    return a > b ? a : b;
}

static int highest(const struct heritage *h)
{
    const int *bells;
    int max = higher(log_descriptor(), syslogger_descriptor());

    max = higher(max, STDERR_FILENO);
    max = higher(max, higher(h->news_fd, h->life_fd));
    max = higher(max, h->bell_fd);
    for (size_t i = 0; i < h->listener_count; i++)
        max = higher(max, h->listeners[i]);
    size_t count = bells_fds(h->bells, &bells);
    for (size_t i = 0; i < count; i++)
        max = higher(max, bells[i]);
    return max;
}

/*
 * By what is to stay, not by what is known to go: the master's epoll and
 * signalfd, the write end of the life pipe, the segment's (its mapping is
 * enough), sockets of another generation, and whatever the master may come to
 * open one day.
 */
static void close_the_rest(const struct heritage *h)
{
    int last = highest(h);

    for (int fd = STDERR_FILENO + 1; fd < last; fd++)
        if (!belongs(h, fd))
            close(fd);
    closefrom(last + 1);
}

/* Blocked are those that the body's loop will take. Sent by the master
 * between the fork and now, they wait in the child. */
static void set_signals(void)
{
    static const int handled[] = {SIGTERM, SIGINT, SIGQUIT, SIGUSR1};
    static const int ignored[] = {SIGHUP,  SIGUSR2,  SIGTTIN,
                                  SIGTTOU, SIGWINCH, SIGPIPE};
    sigset_t blocked;

    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) {
        signal(handled[i], SIG_DFL);
        sigaddset(&blocked, handled[i]);
    }
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* The log is opened while it may be: before the privileges go. */
static bool settle(const struct role *role, const struct heritage *h,
                   struct fault *fault)
{
    if (!daemon_log(h->settings, fault))
        return false;
    log_info("Booting %s with pid: %d", role->name, (int)getpid());
    close_the_rest(h);
    title_set(role->name, h->settings);
    daemon_environment(h->settings);
    return daemon_drop(fault);
}

/*
 * When the master dies whoever is stopped goes on, notices, and leaves: nobody
 * might ever continue it, and others wait for what it holds. Behind the change
 * of user, which undoes it (prctl(2)); and not any more at the end, where the
 * signal would undo the stop that a leak checker waits for.
 */
static void go_on_without_master(bool go_on)
{
    prctl(PR_SET_PDEATHSIG, go_on ? SIGCONT : 0);
}

/*
 * Whether the master is gone already. Our id is noted here too: should the
 * master be killed before it can, another one (see orphans.h) still learns
 * whose slot this is. It comes before the look at the master, so whoever finds
 * nobody here after the master's death may rely on it.
 */
static bool is_orphan(const struct heritage *h)
{
    int32_t nobody = 0;
    int32_t own = getpid();

    atomic_compare_exchange_strong(&h->slot->pid, &nobody, own);
    if (getppid() == h->master)
        return false;
    atomic_compare_exchange_strong(&h->slot->pid, &own, 0);
    return true;
}

static void child(const struct role *role, const struct heritage *h)
    __attribute__((noreturn));
static void child(const struct role *role, const struct heritage *h)
{
    struct fault fault;
    int code = EXIT_BOOT;

    set_signals();
    log_keep(h->last_words, LAST_WORDS);
    if (is_orphan(h)) /* nobody would ever reap us */
        exit(EXIT_ASKED);
    bool settled = settle(role, h, &fault);
    go_on_without_master(true);
    if (settled)
        code = role->body(h);
    else
        log_error("%s", fault.text);
    go_on_without_master(false);
    log_info("%s exiting (pid: %d)", role->title, (int)getpid());
    exit(code); /* not _exit: leak checkers and profilers report at exit */
}

/* ---- the master -------------------------------------------------------- */

static void expect_birth(struct slot *slot)
{
    atomic_store(&slot->ready, 0);
    atomic_store(&slot->requests, 0);
    atomic_store(&slot->holding, 0);
    atomic_store(&slot->connections, 0);
    atomic_store(&slot->leave, LEAVE_NOT);
    atomic_store(&slot->cancel_ns, 0);
    atomic_store(&slot->threads, 0);
    atomic_store(&slot->away, 0);
    atomic_store(&slot->cpu_us, 0); /* until it tells */
    atomic_store(&slot->pss_kb, 0);
    atomic_store(&slot->peak_kb, 0);
    atomic_store(&slot->descriptors, 0);
    atomic_store(&slot->born_ms, loop_wall_ms());
    atomic_store(&slot->beat_ms, loop_clock_ms());
}

static void note_birth(struct slot *slot, pid_t pid)
{
    atomic_store(&slot->pid, pid);
    atomic_fetch_add(&slot->births, 1);
}

pid_t spawn_worker(const struct role *role, const struct heritage *h)
{
    sigset_t all;
    sigset_t before;

    expect_birth(h->slot);
    if (h->last_words)
        h->last_words[0] = '\0';
    fflush(NULL); /* or the child's exit writes the same bytes again */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        child(role, h);
    int reason = errno;
    if (pid > 0)
        note_birth(h->slot, pid);
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return pid;
}

bool spawn_is_ready(const struct heritage *h)
{
    return atomic_load(&h->slot->ready) != 0;
}

bool spawn_signal(pid_t pid, int signal)
{
    return pid > 0 && kill(pid, signal) == 0; /* 0 and -1 mean many */
}

enum spawn_change spawn_reap(struct spawn_end *end)
{
    struct rusage usage;
    int status;
    pid_t pid = wait4(-1, &status, WNOHANG | WUNTRACED | WCONTINUED, &usage);

    if (pid <= 0)
        return SPAWN_NONE;
    *end = (struct spawn_end){.pid = pid, .peak_kb = usage.ru_maxrss};
    if (WIFSTOPPED(status))
        return SPAWN_STOPPED;
    if (WIFCONTINUED(status))
        return SPAWN_CONTINUED;
    if (WIFSIGNALED(status))
        end->signal = WTERMSIG(status);
    else
        end->code = WEXITSTATUS(status);
    return SPAWN_ENDED;
}

const char *spawn_words(const struct spawn_end *end, char words[64])
{
    const char *name = end->signal ? sigabbrev_np(end->signal) : NULL;

    if (name)
        snprintf(words, 64, "was sent SIG%s", name);
    else if (end->signal) /* real-time signals have no name */
        snprintf(words, 64, "was sent signal %d", end->signal);
    else if (end->code < 0)
        snprintf(words, 64, "could not be forked");
    else
        snprintf(words, 64, "exited with code %d", end->code);
    return words;
}

bool spawn_alive(pid_t pid)
{
    return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

bool spawn_gone(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0) /* ESRCH, or a kernel before 5.3 */
        return !spawn_alive(pid);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    bool gone = poll(&ended, 1, 0) > 0;
    close(fd);
    return gone;
}

bool spawn_leave_parent(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid > 0)
        _exit(0); /* what exit would undo belongs to the child now */
    return pid == 0;
}
