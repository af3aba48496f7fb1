#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cpus.h"
#include "common/vitals/sampler.h"

static struct shared shared;

static int set_up(void **state)
{
    struct fault fault = {""};

    (void)state;
    if (shared_open(&shared, 0, 1, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int tear_down(void **state)
{
    (void)state;
    shared_close(&shared);
    return 0;
}

static void live(unsigned slot, int32_t pid, uint64_t cpu_ms, uint64_t pss_kb)
{
    atomic_store(&shared.slots[slot].pid, pid);
    atomic_store(&shared.slots[slot].cpu_us, cpu_ms * 1000);
    atomic_store(&shared.slots[slot].pss_kb, pss_kb);
    atomic_store(&shared.slots[slot].descriptors, slot < SLOTS_MAX ? 10 : 3);
}

static void meminfo(void **state)
{
    static const struct {
        const char *text;
        uint64_t total, available;
    } cases[] = {
        {"MemTotal:        8123456 kB\nMemFree:          100 kB\n"
         "MemAvailable:    4000000 kB\nBuffers:  1 kB\n",
         8123456, 4000000},
        {"MemAvailable: 7 kB\nMemTotal: 9 kB", 9, 7},
        {"MemTotal: -5 kB\nMemAvailable: x kB\n", 0, 0},
        {"MemTotal:\nMemTotals: 5 kB\n", 0, 0},
        {"", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct board_system s = {.memory_kb = 1, .available_kb = 1};
        sampler_meminfo(slice_of(cases[i].text), &s);
        assert_int_equal(s.memory_kb, cases[i].total);
        assert_int_equal(s.available_kb, cases[i].available);
    }
}

static void machine(void **state)
{
    struct sampler *s = sampler_new(&shared, "/tmp/no-such-file.db");
    struct board_system system;

    (void)state;
    sampler_system(s, 1000, &system);
    assert_true(
        llabs((long long)system.wall_ms / 1000 - (long long)time(NULL)) <= 1);
    assert_int_equal(system.cpus, cpus_usable());
    assert_true(system.memory_kb > 1024);
    assert_true(system.available_kb > 0);
    assert_true(system.available_kb <= system.memory_kb);
    assert_true(system.disk_bytes > 0);
    assert_true(system.disk_free_bytes <= system.disk_bytes);
    assert_true(system.load[0] >= 0);
    assert_int_equal(system.database_bytes, 0);
    assert_int_equal(system.processes, 0);
    assert_true(system.cpu_percent == 0);
    sampler_free(s);
}

static void database_sizes(void **state)
{
    char dir[] = "/tmp/prong-test-XXXXXX";
    char path[64];
    char wal[64];
    struct board_system system;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.db", dir);
    snprintf(wal, sizeof wal, "%s/a.db-wal", dir);
    fclose(fopen(path, "w"));
    fclose(fopen(wal, "w"));
    assert_int_equal(truncate(path, 12345), 0);
    assert_int_equal(truncate(wal, 678), 0);
    struct sampler *s = sampler_new(&shared, path);
    sampler_system(s, 1000, &system);
    assert_int_equal(system.database_bytes, 12345);
    assert_int_equal(system.wal_bytes, 678);
    sampler_free(s);
    assert_int_equal(unlink(path) | unlink(wal) | rmdir(dir), 0);
}

/* Workers, keeper and master; not those who are gone. */
static void sums_over_processes(void **state)
{
    struct sampler *s = sampler_new(&shared, "a.db");
    struct board_system system;

    (void)state;
    live(0, 100, 0, 1000);
    live(3, 0, 0, 5000);
    live(SLOTS_MAX - 1, 101, 0, 200);
    live(SLOT_KEEPER, 102, 0, 30);
    live(SLOT_MASTER, 103, 0, 4);
    sampler_system(s, 1000, &system);
    assert_int_equal(system.processes, 4);
    assert_int_equal(system.pss_kb, 1234);
    assert_int_equal(system.descriptors, 26);
    assert_true(system.disk_bytes > 0); /* of this folder */
    sampler_free(s);
}

static double share_at(struct sampler *s, uint64_t second)
{
    struct board_system system;

    sampler_system(s, second * 1000, &system);
    return system.cpu_percent;
}

/* Reports come each ten seconds and samples each five: the share is steady
 * between them, and a death never makes it negative. */
static void cpu_share(void **state)
{
    struct sampler *s = sampler_new(&shared, "a.db");

    (void)state;
    live(0, 100, 5000, 0);
    live(1, 101, 0, 0);
    assert_true(share_at(s, 100) == 0);
    live(0, 100, 10000, 0); /* half a CPU */
    live(1, 101, 1000, 0);  /* a tenth */
    assert_true(share_at(s, 110) == 60);
    assert_true(share_at(s, 115) == 60);
    live(0, 100, 20000, 0);
    assert_true(share_at(s, 120) == 110);
    live(0, 200, 20000, 0); /* another moves in, and has said nothing yet */
    assert_true(share_at(s, 130) == 10);
    live(0, 200, 2500, 0);
    assert_true(share_at(s, 140) == 35);
    live(0, 0, 2500, 0);
    live(1, 0, 1000, 0);
    assert_true(share_at(s, 150) == 0);
    live(0, 200, 2500, 0); /* and back: a new beginning */
    assert_true(share_at(s, 160) == 0);
    sampler_free(s);
}

/* A report that is seen late and the next one seen in time do not look like
 * twice the work. */
static void cpu_share_of_late_reports(void **state)
{
    struct sampler *s = sampler_new(&shared, "a.db");

    (void)state;
    live(0, 100, 1000, 0);
    share_at(s, 100);
    live(0, 100, 2000, 0);
    assert_true(share_at(s, 110) == 10);
    live(0, 100, 3000, 0);
    assert_true(share_at(s, 115) == 10);
    assert_true(share_at(s, 120) == 10);
    sampler_free(s);
}

static void counters(void **state)
{
    struct sampler *s = sampler_new(&shared, "a.db");
    static struct board_sample before;
    static struct board_sample now;

    (void)state;
    cell_add(metrics_cell(shared.metrics, 0, 7), COUNT_2XX, 3);
    histogram_add(&metrics_cell(shared.metrics, 0, 7)->request, 5000);
    sampler_counters(s, 100, &before);
    cell_add(metrics_cell(shared.metrics, 1, 7), COUNT_2XX, 4);
    histogram_add(&metrics_cell(shared.metrics, 1, 7)->request, 7000);
    histogram_add(&metrics_cell(shared.metrics, 1, 7)->sql, 6000);
    sampler_counters(s, 200, &now);
    assert_int_equal(now.clock_ms, 200);
    assert_int_equal(now.totals.counters[COUNT_2XX], 7);
    totals_subtract(&now.totals, &before.totals);
    assert_int_equal(now.totals.counters[COUNT_2XX], 4);
    assert_int_equal(now.totals.request.count, 1);
    assert_int_equal(now.totals.request.sum_ns, 7000);
    assert_int_equal(now.totals.sql.sum_ns, 6000);
    sampler_free(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meminfo),
        TEST(machine),
        TEST(database_sizes),
        TEST(sums_over_processes),
        TEST(cpu_share),
        TEST(cpu_share_of_late_reports),
        TEST(counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
