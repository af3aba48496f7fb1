#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/segment/bells.h"
#include "common/segment/segment.h"

#include "master/pidfile.h"
#include "master/upgrade_private.h"

static void add_variable(struct upgrade *u, struct arena *arena, char **env,
                         enum taken which)
{
    size_t count = 0;

    if (u->taken[which] == NULL)
        return;
    while (env[count])
        count++;
    env[count] =
        arena_format(arena, "%s=%s", upgrade_variable(which), u->taken[which]);
}

/* Ours, and what was taken out of it: systemd still means the service. The
 * watchdog without its process id, which is not known yet. */
static char **make_environment(struct upgrade *u, struct arena *arena)
{
    size_t count = 0;

    while (environ[count])
        count++;
    char **env = arena_alloc(arena, (count + TAKEN + 1) * sizeof *env);
    memcpy(env, environ, count * sizeof *env);
    add_variable(u, arena, env, TAKEN_PID);
    add_variable(u, arena, env, TAKEN_FD);
    add_variable(u, arena, env, TAKEN_NOTIFY_SOCKET);
    add_variable(u, arena, env, TAKEN_WATCHDOG_USEC);
    if (u->activation.count > 0) {
        add_variable(u, arena, env, TAKEN_LISTEN_FDS);
        add_variable(u, arena, env, TAKEN_LISTEN_FDNAMES);
    }
    return env;
}

static struct handover list(const struct upgrade_gift *gift, int word)
{
    struct handover h;

    handover_none(&h);
    h.from = getpid();
    h.life = gift->life_fd;
    h.segment = segment_fd(gift->shared->segment);
    h.bell = gift->bell_fd;
    h.word = word;
    h.control = (struct handed_socket){gift->control_fd, gift->control_path};
    h.bell_count = bells_fds(gift->bells, &h.bells);
    h.sockets = listeners_hand(gift->listeners, &h.socket_count);
    return h;
}

static pid_t run_program(struct upgrade *u, const struct upgrade_gift *gift,
                         int word)
{
    const struct handover h = list(gift, word);
    struct arena *arena = arena_new();
    struct buf text = {0};
    int *fds;
    size_t count = handover_fds(&h, arena, &fds);

    handover_write(&h, &text);
    u->taken[TAKEN_PID] = arena_format(arena, "%d", (int)h.from);
    u->taken[TAKEN_FD] = arena_text(arena, buf_view(&text));
    const struct successor successor = {
        .program = u->program,
        .argv = u->argv,
        .env = make_environment(u, arena),
        .folder = u->folder,
        .errors = gift->detached ? log_descriptor() : -1,
        .keep = fds,
        .keep_count = count,
    };
    pid_t pid = spawn_successor(&successor);
    int reason = errno;
    u->taken[TAKEN_PID] = u->taken[TAKEN_FD] = NULL;
    buf_free(&text);
    arena_free(arena);
    errno = reason;
    return pid;
}

/* Gunicorn's words for two of them. */
static bool may_start(const struct upgrade *u, const struct upgrade_gift *gift,
                      struct fault *fault)
{
    if (u->successor)
        fault_set(fault, "USR2 signal ignored. Child exists.");
    else if (u->second)
        fault_set(fault, "USR2 signal ignored. Parent exists.");
    else if (gift->listeners == NULL)
        fault_set(fault, "USR2 signal ignored. The server is stopping.");
    else
        return true;
    log_warning("%s", fault->text);
    return false;
}

bool upgrade_start(struct upgrade *u, const struct upgrade_gift *gift,
                   struct fault *fault)
{
    int word;

    if (u == NULL)
        return fault_set(fault, "This server cannot be followed");
    if (!may_start(u, gift, fault))
        return false;
    upgrade_word_open(u, gift->loop, &word);
    pid_t pid = run_program(u, gift, word);
    int reason = errno;
    if (word >= 0)
        close(word);
    if (pid < 0) {
        upgrade_word_close(u);
        fault_set(fault, "Cannot start a new master: %s: %s", u->program,
                  strerror(reason));
        log_error("%s", fault->text);
        return false;
    }
    log_info("Starting a new master with pid: %d", (int)pid);
    u->successor = pid;
    listeners_leave_files(true);
    return true;
}

pid_t upgrade_successor(const struct upgrade *u)
{
    return u ? u->successor : 0;
}

const char *upgrade_failure(const struct upgrade *u)
{
    return u ? u->failure.text : "";
}

static void note_failure(struct upgrade *u, const struct spawn_end *end)
{
    struct slice why = upgrade_word_why(u);
    char words[64];

    spawn_words(end, words);
    fault_set(&u->failure, "The new master (pid:%d) %s: %.*s", (int)end->pid,
              words, (int)why.len, why.ptr);
    upgrade_word_close(u);
    log_write(end->signal || end->code ? LOG_ERROR : LOG_INFO,
              "The new master (pid:%d) %s, and we go on", (int)end->pid, words);
}

void upgrade_ended(struct upgrade *u, const struct spawn_end *end)
{
    if (u == NULL || end->pid != u->successor)
        return;
    note_failure(u, end);
    u->successor = 0;
    pidfile_remove_second(u->pidfile, end->pid);
    listeners_leave_files(false);
}
