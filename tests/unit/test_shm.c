#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/shm.h"

/* What a child writes into mapped memory its parent reads. */
static void memory_is_shared(void **state)
{
    enum { SIZE = 100000 };
    unsigned char *memory = shm_map(SIZE);
    int status;

    (void)state;
    assert_non_null(memory);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(memory[i], 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        memory[SIZE - 1] = 42;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(memory[SIZE - 1], 42);
    shm_unmap(memory, SIZE);
    shm_unmap(NULL, SIZE);
    assert_null(shm_map(0));
    assert_int_equal(errno, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
