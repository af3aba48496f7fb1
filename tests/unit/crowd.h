/*
 * crowd: processes of a test, which share what was mapped before. A child
 * reports by its exit code (cmocka's asserts are for the parent), and is
 * killed when the test ends before it.
 */
#ifndef PRONG_TEST_CROWD_H
#define PRONG_TEST_CROWD_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/segment/segment.h"

/* What a child does; its result is the exit code. */
typedef int crowd_body(void *self, unsigned number);

static inline pid_t crowd_start(crowd_body *body, void *self, unsigned number)
{
    pid_t parent = getpid();

    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it was faster */
        _exit(0);
    _exit(body(self, number));
}

/* The exit code, or minus the signal that ended it. */
static inline int crowd_wait(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int crowd_run(crowd_body *body, void *self, unsigned number)
{
    return crowd_wait(crowd_start(body, self, number));
}

static inline void crowd_kill(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(crowd_wait(pid), -SIGKILL);
}

/* A segment with a single region, "it", of that size. */
static inline struct segment *crowd_memory(size_t size, void **memory)
{
    const struct segment_want want = {"it", size};
    struct fault fault;
    struct segment *s = segment_new(&want, 1, &fault);

    if (s == NULL)
        abort();
    *memory = segment_region(s, "it", &size);
    assert_non_null(*memory);
    return s;
}

/* xorshift64*: the same numbers in each run of a process with that seed. */
static inline uint64_t crowd_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545F4914F6CDD1D;
}

#endif
