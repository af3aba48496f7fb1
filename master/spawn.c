#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/settings.h"
#include "common/title.h"
#include "master/daemon.h"

#include "master/spawn.h"

/* ---- the child, before its body ---------------------------------------- */

static bool belongs(const struct heritage *h, int fd)
{
    if (fd == h->news_fd || fd == h->life_fd || fd == log_descriptor())
        return true;
    for (size_t i = 0; i < h->listener_count; i++)
        if (fd == h->listeners[i])
            return true;
    return false;
}

static int highest(const struct heritage *h)
{
    int max = h->news_fd > h->life_fd ? h->news_fd : h->life_fd;

    if (log_descriptor() > max)
        max = log_descriptor();
    for (size_t i = 0; i < h->listener_count; i++)
        if (h->listeners[i] > max)
            max = h->listeners[i];
    return max > STDERR_FILENO ? max : STDERR_FILENO;
}

/*
 * By what is to stay, not by what is known to go: the master's epoll and
 * signalfd, the write end of the life pipe, sockets of another generation,
 * and whatever the master may come to open one day.
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
static bool settle(const struct heritage *h, struct fault *fault)
{
    if (!daemon_log(h->settings, fault))
        return false;
    log_info("Booting worker with pid: %d", (int)getpid());
    close_the_rest(h);
    title_set("worker", h->settings);
    daemon_environment(h->settings);
    return daemon_drop(fault);
}

static void child(worker_body *body, const struct heritage *h)
    __attribute__((noreturn));
static void child(worker_body *body, const struct heritage *h)
{
    struct fault fault;
    int code = EXIT_BOOT;

    set_signals();
    if (getppid() != h->master) /* gone already: nobody would ever reap us */
        exit(EXIT_ASKED);
    if (settle(h, &fault))
        code = body(h);
    else
        log_error("%s", fault.text);
    log_info("Worker exiting (pid: %d)", (int)getpid());
    exit(code); /* not _exit: leak checkers and profilers report at exit */
}

/* ---- the master -------------------------------------------------------- */

pid_t spawn_worker(worker_body *body, const struct heritage *h)
{
    sigset_t all;
    sigset_t before;

    atomic_store(&h->slot->ready, 0);
    atomic_store(&h->slot->requests, 0);
    atomic_store(&h->slot->beat_ms, loop_clock_ms());
    fflush(NULL); /* or the child's exit writes the same bytes again */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        child(body, h);
    int reason = errno;
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

bool spawn_reap(struct spawn_end *end)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);

    if (pid <= 0)
        return false;
    *end = (struct spawn_end){.pid = pid};
    if (WIFSIGNALED(status))
        end->signal = WTERMSIG(status);
    else
        end->code = WEXITSTATUS(status);
    return true;
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

bool spawn_leave_parent(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid > 0)
        _exit(0); /* what exit would undo belongs to the child now */
    return pid == 0;
}
