#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/vitals/vitals.h"

static struct vitals before;
static struct vitals after;

static void descriptors_are_counted(void **state)
{
    int opened[50];

    (void)state;
    vitals_take(&before);
    assert_in_range(before.descriptors, 1, 1000);
    for (size_t i = 0; i < 50; i++) {
        opened[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(opened[i] >= 0);
    }
    vitals_take(&after);
    assert_int_equal(after.descriptors, before.descriptors + 50);
    for (size_t i = 0; i < 50; i++)
        close(opened[i]);
    vitals_take(&after); /* nor does it leave one open itself */
    assert_int_equal(after.descriptors, before.descriptors);
}

/* In a child: when no descriptor is left, that is what is told. */
static void none_is_left(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit few = {.rlim_cur = 20, .rlim_max = 20};
        setrlimit(RLIMIT_NOFILE, &few);
        while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
            ;
        vitals_take(&after);
        _exit(after.descriptors == 20 && after.peak_kb > 0 && after.pss_kb > 0
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* 32 MB that only this process has count in full, and leave a peak. */
static void memory_is_measured(void **state)
{
    const size_t size = 32 << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(memory != MAP_FAILED);
    vitals_take(&before);
    assert_true(before.pss_kb > 100);
    assert_true(before.peak_kb >= before.pss_kb);
    memset(memory, 1, size);
    vitals_take(&after);
    assert_in_range(after.pss_kb - before.pss_kb, 31 << 10, 40 << 10);
    munmap(memory, size);
    vitals_take(&after);
    assert_true(after.pss_kb < before.pss_kb + 4096);
    assert_true(after.peak_kb >= before.pss_kb + (31 << 10));
}

/* Memory shared by two counts half in each. */
static void shared_memory_is_divided(void **state)
{
    const size_t size = 16 << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ready[2] = {-1, -1};
    int done[2] = {-1, -1};
    char byte = 0;

    (void)state;
    assert_true(memory != MAP_FAILED && !pipe(ready) && !pipe(done));
    memset(memory, 1, size);
    vitals_take(&before);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        for (size_t i = 0; i < size; i += 1024)
            byte = (char)(byte + memory[i]);
        close(done[1]);
        _exit(write(ready[1], &byte, 1) == 1 && read(done[0], &byte, 1) == 0
                  ? 0
                  : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    vitals_take(&after);
    assert_true(after.pss_kb + (7 << 10) < before.pss_kb);
    close(done[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(done[0]);
    close(ready[0]);
    close(ready[1]);
    munmap(memory, size);
}

static void time_is_counted(void **state)
{
    volatile uint64_t x = 1;

    (void)state;
    vitals_take(&before);
    for (clock_t end = clock() + CLOCKS_PER_SEC / 20; clock() < end;)
        x = x * 3;
    vitals_take(&after);
    assert_in_range(after.cpu_us - before.cpu_us, 45000, 500000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_are_counted),
        cmocka_unit_test(none_is_left),
        cmocka_unit_test(memory_is_measured),
        cmocka_unit_test(shared_memory_is_divided),
        cmocka_unit_test(time_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
