#include "crowd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "common/segment/shm.h"

enum { SIZE = 100000 };

static int write_last(void *self, unsigned number)
{
    unsigned char *memory = self;

    memory[SIZE - 1] = (unsigned char)number;
    return 0;
}

/* What a child writes into mapped memory its parent reads. */
static void check_shared(unsigned char *memory)
{
    assert_non_null(memory);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(memory[i], 0);
    assert_int_equal(crowd_run(write_last, memory, 42), 0);
    assert_int_equal(memory[SIZE - 1], 42);
}

static void memory_is_shared(void **state)
{
    unsigned char *memory = shm_map(SIZE);

    (void)state;
    check_shared(memory);
    shm_unmap(memory, SIZE);
    shm_unmap(NULL, SIZE);
    assert_null(shm_map(0));
    assert_int_equal(errno, EINVAL);
}

static unsigned char *must_attach(int fd)
{
    unsigned char *memory = shm_attach(fd, SIZE);

    if (memory == NULL)
        abort();
    return memory;
}

static void memory_has_a_descriptor(void **state)
{
    int fd = shm_create("test", SIZE);
    unsigned char *first = must_attach(fd);
    unsigned char *second = must_attach(fd);
    size_t size = 0;

    (void)state;
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(shm_size(fd, &size));
    assert_int_equal(size, SIZE);
    check_shared(first);
    assert_ptr_not_equal(first, second);
    assert_int_equal(second[SIZE - 1], 42);
    shm_unmap(first, SIZE);
    second[0] = 1; /* lives on without the other, and without descriptor */
    close(fd);
    second[1] = 1;
    shm_unmap(second, SIZE);
    assert_null(shm_attach(fd, SIZE));
    assert_int_equal(errno, EBADF);
}

static void size_is_for_ever(void **state)
{
    int fd = shm_create("test", SIZE);
    char path[] = "/tmp/prong-test-XXXXXX";
    int file = mkstemp(path);
    size_t size = 7;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SIZE / 2), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ftruncate(fd, SIZE + 1), -1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
    close(fd);
    assert_true(file >= 0);
    assert_false(shm_size(file, &size)); /* anybody could cut it short */
    assert_false(shm_size(-1, &size));
    assert_int_equal(size, 7);
    close(file);
    unlink(path);
    assert_int_equal(shm_create("test", SIZE_MAX), -1);
    assert_int_equal(errno, EFBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_shared),
        cmocka_unit_test(memory_has_a_descriptor),
        cmocka_unit_test(size_is_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
