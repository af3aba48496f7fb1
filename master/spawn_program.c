#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master/spawn.h"

/* ---- commands ---------------------------------------------------------- */

/* Null-terminated; the shell takes the later of two with one name. */
static char **join_environment(char *const more[])
{
    size_t ours = 0;
    size_t theirs = 0;

    while (environ[ours])
        ours++;
    while (more[theirs])
        theirs++;
    char **all = calloc(ours + theirs + 1, sizeof *all);
    for (size_t i = 0; all && i < ours + theirs; i++)
        all[i] = i < ours ? environ[i] : more[i - ours];
    return all;
}

/* No signal is ignored or blocked; in glibc it and its like cannot fail. */
static void set_attributes(posix_spawnattr_t *how, int more)
{
    sigset_t set;

    posix_spawnattr_init(how);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(how, &set);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(how, &set);
    posix_spawnattr_setflags(
        how, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | more));
}

/* 0, or the errno of what went wrong. `out`: where it speaks to; -1: as we. */
static int run_detached(char *const argv[], char *const env[], int out,
                        pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;

    set_attributes(&how, POSIX_SPAWN_SETSID);
    posix_spawn_file_actions_init(&files);
    int reason = posix_spawn_file_actions_addopen(&files, STDIN_FILENO,
                                                  "/dev/null", O_RDONLY, 0);
    for (int fd = STDOUT_FILENO; out >= 0 && fd <= STDERR_FILENO; fd++)
        if (reason == 0)
            reason = posix_spawn_file_actions_adddup2(&files, out, fd);
    if (reason == 0)
        reason = posix_spawn(pid, argv[0], &files, &how, argv, env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return reason;
}

bool spawn_command(const char *command, char *const env[])
{
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char *text = strdup(command);
    char *const argv[] = {shell, option, text, NULL};
    char **all = join_environment(env);
    pid_t pid;
    int reason = text && all ? run_detached(argv, all, -1, &pid) : ENOMEM;

    free(all);
    free(text);
    errno = reason;
    return reason == 0;
}

pid_t spawn_program(char *const argv[], int *out)
{
    int ends[2];
    pid_t pid = -1;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    int reason = run_detached(argv, environ, ends[1], &pid);
    close(ends[1]);
    if (reason == 0) {
        *out = ends[0];
        return pid;
    }
    close(ends[0]);
    errno = reason;
    return -1;
}

/* ---- a successor ------------------------------------------------------- */

/* Given to itself, a descriptor loses its close-on-exec, and nothing else. */
static int keep_open(posix_spawn_file_actions_t *files, const int *fds,
                     size_t count)
{
    int reason = 0;

    for (size_t i = 0; i < count && reason == 0; i++)
        reason = posix_spawn_file_actions_adddup2(files, fds[i], fds[i]);
    return reason;
}

pid_t spawn_successor(const struct successor *s)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    pid_t pid = -1;

    set_attributes(&how, 0);
    posix_spawn_file_actions_init(&files);
    int reason = posix_spawn_file_actions_addfchdir_np(&files, s->folder);
    if (reason == 0)
        reason = keep_open(&files, s->keep, s->keep_count);
    if (reason == 0 && s->errors >= 0)
        reason =
            posix_spawn_file_actions_adddup2(&files, s->errors, STDERR_FILENO);
    if (reason == 0)
        reason = posix_spawn(&pid, s->program, &files, &how, s->argv, s->env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    errno = reason;
    return reason == 0 ? pid : -1;
}
