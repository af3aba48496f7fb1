#include "crowd.h"

#include <fcntl.h>
#include <sys/file.h>

#include "common/segment/lockowner.h"

/* A file of its own, and somebody who locks it. */
struct vault {
    char path[64];
    int said[2]; /* the child has done what it should: a byte */
};

static int build(void **state)
{
    static struct vault v;

    snprintf(v.path, sizeof v.path, "/tmp/prong-test-XXXXXX");
    int fd = mkstemp(v.path);
    *state = &v;
    return fd < 0 || close(fd) != 0 || pipe(v.said) != 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    struct vault *v = *state;

    close(v->said[0]);
    close(v->said[1]);
    return unlink(v->path);
}

/* What a child locks. */
struct claim {
    const struct vault *vault;
    short type;    /* F_RDLCK or F_WRLCK */
    off_t at, len; /* len 0: to the end */
    int command;   /* F_SETLK, F_SETLKW, F_OFD_SETLK */
};

static int hold(void *self, unsigned number)
{
    const struct claim *c = self;
    struct flock lock = {.l_type = c->type,
                         .l_whence = SEEK_SET,
                         .l_start = c->at,
                         .l_len = c->len};
    int fd = open(c->vault->path, O_RDWR | O_CLOEXEC);

    (void)number;
    prctl(PR_SET_NAME, "a thief (of)");
    if (c->command == F_SETLKW && write(c->vault->said[1], "w", 1) != 1)
        return 1;
    if (fcntl(fd, c->command, &lock) != 0)
        return 1;
    if (c->command != F_SETLKW && write(c->vault->said[1], "h", 1) != 1)
        return 1;
    for (;;)
        pause();
}

static pid_t holder(struct claim *c)
{
    pid_t pid = crowd_start(hold, c, 0);
    char byte;

    assert_int_equal(read(c->vault->said[0], &byte, 1), 1);
    return pid;
}

static void is_held_by(const struct vault *v, uint64_t at, pid_t pid)
{
    struct lockowner owner = {.pid = -1};

    assert_true(lockowner_find(v->path, at, &owner));
    assert_int_equal(owner.pid, pid);
    assert_string_equal(owner.command, "a thief (of)");
}

static void is_free(const struct vault *v, uint64_t at)
{
    struct lockowner owner;

    assert_false(lockowner_find(v->path, at, &owner));
}

static void nobody(void **state)
{
    struct lockowner owner;

    is_free(*state, LOCKOWNER_WAL_WRITE);
    assert_false(lockowner_find("/nonexistent/file", 0, &owner));
}

static void one_byte(void **state)
{
    struct vault *v = *state;
    struct claim c = {v, F_WRLCK, LOCKOWNER_WAL_WRITE, 1, F_SETLK};
    pid_t pid = holder(&c);

    is_held_by(v, LOCKOWNER_WAL_WRITE, pid);
    is_free(v, LOCKOWNER_WAL_WRITE - 1);
    is_free(v, LOCKOWNER_WAL_WRITE + 1);
    crowd_kill(pid);
    is_free(v, LOCKOWNER_WAL_WRITE);
}

static void a_range(void **state)
{
    struct vault *v = *state;
    struct claim c = {v, F_WRLCK, 120, 3, F_SETLK};
    pid_t pid = holder(&c);

    is_free(v, 119);
    for (uint64_t at = 120; at < 123; at++)
        is_held_by(v, at, pid);
    is_free(v, 123);
    crowd_kill(pid);
}

static void to_the_end(void **state)
{
    struct vault *v = *state;
    struct claim c = {v, F_WRLCK, 100, 0, F_SETLK};
    pid_t pid = holder(&c);

    is_free(v, 99);
    is_held_by(v, 100, pid);
    is_held_by(v, 1U << 30, pid);
    crowd_kill(pid);
}

/* Each byte has its own holder. */
static void two_holders(void **state)
{
    struct vault *v = *state;
    struct claim one = {v, F_WRLCK, 120, 1, F_SETLK};
    struct claim two = {v, F_WRLCK, 121, 1, F_SETLK};
    pid_t pids[] = {holder(&one), holder(&two)};

    is_held_by(v, 120, pids[0]);
    is_held_by(v, 121, pids[1]);
    crowd_kill(pids[0]);
    crowd_kill(pids[1]);
}

static void readers_do_not_count(void **state)
{
    struct vault *v = *state;
    struct claim c = {v, F_RDLCK, 120, 1, F_SETLK};
    pid_t pid = holder(&c);

    is_free(v, 120);
    crowd_kill(pid);
}

/* Whoever waits for it does not hold it. */
static void waiters_do_not_count(void **state)
{
    struct vault *v = *state;
    struct claim reads = {v, F_RDLCK, 120, 1, F_SETLK};
    struct claim waits = {v, F_WRLCK, 120, 1, F_SETLKW};
    pid_t reader = holder(&reads);
    pid_t waiter = holder(&waits);
    char line[256];
    bool seen = false;

    while (!seen) { /* until the kernel has it waiting */
        FILE *locks = fopen("/proc/locks", "re");
        char mark[32];
        snprintf(mark, sizeof mark, " WRITE %d ", (int)waiter);
        while (!seen && fgets(line, sizeof line, locks))
            seen = strstr(line, "->") && strstr(line, mark);
        fclose(locks);
    }
    is_free(v, 120);
    crowd_kill(reader);
    crowd_kill(waiter);
}

/* A lock of an open file belongs to no process. */
static void open_file_locks_are_nobodys(void **state)
{
    struct vault *v = *state;
    struct claim c = {v, F_WRLCK, 120, 1, F_OFD_SETLK};
    pid_t pid = holder(&c);

    is_free(v, 120);
    crowd_kill(pid);
}

/* flock(2) knows no bytes, and SQLite nothing of it. */
static void whole_file_locks_do_not_count(void **state)
{
    const struct vault *v = *state;
    int fd = open(v->path, O_RDWR | O_CLOEXEC);

    assert_int_equal(flock(fd, LOCK_EX), 0);
    is_free(v, 120);
    close(fd);
}

/* The same byte of another file. */
static void another_file(void **state)
{
    struct vault *v = *state;
    struct vault other = *v;
    struct claim c = {&other, F_WRLCK, 120, 1, F_SETLK};

    snprintf(other.path, sizeof other.path, "/tmp/prong-test-XXXXXX");
    assert_int_equal(close(mkstemp(other.path)), 0);
    pid_t pid = holder(&c);
    is_free(v, 120);
    is_held_by(&other, 120, pid);
    crowd_kill(pid);
    unlink(other.path);
}

#define UNIT(test) cmocka_unit_test_setup_teardown(test, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(nobody),
        UNIT(one_byte),
        UNIT(a_range),
        UNIT(to_the_end),
        UNIT(two_holders),
        UNIT(readers_do_not_count),
        UNIT(waiters_do_not_count),
        UNIT(open_file_locks_are_nobodys),
        UNIT(whole_file_locks_do_not_count),
        UNIT(another_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
