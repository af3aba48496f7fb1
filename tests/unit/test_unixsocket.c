#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "master/unixsocket.h"
#include "tests/unit/scratch.h"

enum { BACKLOG = 4 };

static char path[400];

static int set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    const struct scratch *s = *state;
    snprintf(path, sizeof path, "%s/a.sock", s->dir);
    return 0;
}

static bool answers(void)
{
    int fd = unixsocket_connect(path, 0);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static struct unixsocket made(mode_t mode)
{
    struct unixsocket s;

    if (!unixsocket_make(&s, path, mode, BACKLOG))
        fail_msg("%s: %s", path, strerror(errno));
    return s;
}

static void fails(int reason)
{
    struct unixsocket s;

    assert_false(unixsocket_make(&s, path, 0600, BACKLOG));
    assert_int_equal(errno, reason);
    assert_int_equal(s.fd, -1);
    assert_int_equal(s.folder, -1);
}

static mode_t mode_of(void)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void it_is_made_and_removed(void **state)
{
    (void)state;
    struct unixsocket s = made(0640);
    assert_int_equal(mode_of(), 0640);
    assert_int_equal(fcntl(s.fd, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(s.fd, F_GETFL) & O_NONBLOCK);
    assert_true(unixsocket_stands(&s));
    assert_true(answers());
    unixsocket_remove(&s);
    assert_int_equal(s.fd, -1);
    assert_int_equal(access(path, F_OK), -1);
    assert_false(unixsocket_stands(&s));
    unixsocket_remove(&s); /* none: nothing happens */
}

static void the_umask_is_as_it_was(void **state)
{
    mode_t before = umask(0027);

    (void)state;
    struct unixsocket s = made(UNIXSOCKET_UMASK);
    assert_int_equal(mode_of(), 0750);
    unixsocket_remove(&s);
    s = made(0666);
    assert_int_equal(mode_of(), 0666);
    unixsocket_remove(&s);
    assert_int_equal(umask(before), 0027);
}

static void a_path_may_be_long(void **state)
{
    const struct scratch *s = *state;
    char folder[300];

    snprintf(folder, sizeof folder, "%s/%0*d", s->dir, 150, 7);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(path, sizeof path, "%s/a.sock", folder);
    struct unixsocket l = made(0600);
    assert_true(answers());
    unixsocket_remove(&l);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_name_may_not(void **state)
{
    const struct scratch *s = *state;

    snprintf(path, sizeof path, "%s/%0*d", s->dir, 120, 7);
    fails(ENAMETOOLONG);
    snprintf(path, sizeof path, "%s/%0*d", s->dir, 300, 7);
    fails(EINVAL);
    snprintf(path, sizeof path, "%s/", s->dir);
    fails(EINVAL);
    snprintf(path, sizeof path, "%s/none/a.sock", s->dir);
    fails(ENOENT);
}

static void what_a_dead_server_left_is_replaced(void **state)
{
    (void)state;
    struct unixsocket first = made(0600);
    shutdown(first.fd, SHUT_RDWR); /* nobody listens any more */
    struct unixsocket second = made(0600);
    assert_true(unixsocket_stands(&second));
    assert_false(unixsocket_stands(&first));
    unixsocket_remove(&first); /* not its own any more */
    assert_true(unixsocket_stands(&second));
    unixsocket_remove(&second);
    assert_int_equal(access(path, F_OK), -1);
}

/* A full backlog is life, too. */
static void a_live_server_keeps_its_socket(void **state)
{
    int waiting[BACKLOG + 2];
    size_t count = 0;

    (void)state;
    struct unixsocket s = made(0600);
    fails(EADDRINUSE);
    while (count < BACKLOG + 2 &&
           (waiting[count] = unixsocket_connect(path, 0)) >= 0)
        count++;
    assert_int_equal(errno, EAGAIN);
    fails(EADDRINUSE);
    while (count > 0)
        close(waiting[--count]);
    assert_true(unixsocket_stands(&s));
    unixsocket_remove(&s);
}

static void no_file_is_overwritten(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("data", file);
    fclose(file);
    fails(EEXIST);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 4);
}

static void one_that_was_handed_over_is_ours(void **state)
{
    struct unixsocket taken;

    (void)state;
    struct unixsocket s = made(0600);
    unixsocket_take(&taken, dup(s.fd), path);
    unixsocket_leave(&s); /* the file stays */
    assert_int_equal(s.fd, -1);
    assert_true(unixsocket_stands(&taken));
    assert_true(answers());
    unixsocket_close(&taken);
    assert_false(answers());
    assert_true(unixsocket_stands(&taken));
    unixsocket_remove(&taken);
    assert_int_equal(access(path, F_OK), -1);
}

#define at_path(f) cmocka_unit_test_setup_teardown(f, set_up, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        at_path(it_is_made_and_removed),
        at_path(the_umask_is_as_it_was),
        at_path(a_path_may_be_long),
        at_path(a_name_may_not),
        at_path(what_a_dead_server_left_is_replaced),
        at_path(a_live_server_keeps_its_socket),
        at_path(no_file_is_overwritten),
        at_path(one_that_was_handed_over_is_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
