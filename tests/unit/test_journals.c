#include "crowd.h"

#include <string.h>

#include "common/segment/journals.h"

static struct journals *made(void)
{
    struct journals *j = calloc(1, journals_size());

    assert_non_null(j);
    return j;
}

static struct file_id id(uint64_t n)
{
    return (struct file_id){n, n, (int64_t)n};
}

static struct trio trio(uint64_t n)
{
    return (struct trio){id(n), id(n), id(n)};
}

static bool is_trio(const struct trio *t, uint64_t n)
{
    const struct file_id all = id(n);

    return fileid_same(&t->db, &all) && fileid_same(&t->wal, &all) &&
           fileid_same(&t->shm, &all);
}

static void test_records(void **state)
{
    struct journals *j = made();
    struct journal *a = journals_find(j, SLICE("/a"));
    struct journal *b = journals_find(j, SLICE("/b"));
    struct trio out;

    (void)state;
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(journals_find(j, SLICE("/a")), a);
    assert_false(journal_read(a, &out));
    for (uint64_t n = 1; n < 4; n++) {
        const struct trio t = trio(n);
        journal_write(a, &t);
        assert_true(journal_read(a, &out));
        assert_true(is_trio(&out, n));
        assert_false(journal_read(b, &out));
    }
    free(j);
}

static void test_no_room(void **state)
{
    struct journals *j = made();
    char path[16];

    (void)state;
    for (int i = 0; i < JOURNALS_MAX; i++) {
        snprintf(path, sizeof path, "/%d", i);
        assert_non_null(journals_find(j, (struct slice){path, strlen(path)}));
    }
    assert_null(journals_find(j, SLICE("/more")));
    assert_non_null(journals_find(j, SLICE("/0")));
    free(j);
}

static void test_identity(void **state)
{
    const struct file_id one = {1, 2, 3};
    const struct file_id others[] = {{2, 2, 3}, {1, 3, 3}, {1, 2, 4}};
    struct file_id exe;

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(fileid_same(&one, &others[i]));
    fileid_at("/proc/self", "/exe", &exe);
    assert_int_not_equal(exe.inode, 0);
    fileid_at("/proc/self", "/no", &exe);
    assert_int_equal(exe.inode, 0);
}

/* One that tells and others that have seen the same tell once together; those
 * who were late have yet to look. */
static void test_news(void **state)
{
    struct journals *j = made();

    (void)state;
    uint32_t seen = journals_news(j);
    assert_int_equal(journals_tell(j, seen), seen + 1);
    assert_int_equal(journals_tell(j, seen), seen);
    assert_int_equal(journals_news(j), seen + 1);
    free(j);
}

static int write_on(void *self, unsigned number)
{
    struct journal *r = self;

    (void)number;
    for (uint64_t n = 1;; n++) {
        const struct trio t = trio(n);
        journal_write(r, &t);
    }
    return 0;
}

/* Whoever is killed leaves a record that is whole. */
static void test_kills(void **state)
{
    void *memory;
    struct segment *s = crowd_memory(journals_size(), &memory);
    struct journal *r = journals_find(memory, SLICE("/a"));
    struct trio out;

    (void)state;
    for (int i = 0; i < 50; i++) {
        pid_t pid = crowd_start(write_on, r, 0);
        struct trio first = {.db = {.inode = 0}};
        while (!journal_read(r, &first) || first.db.inode == 0)
            ;
        usleep(500);
        crowd_kill(pid);
        assert_true(journal_read(r, &out));
        assert_true(is_trio(&out, out.db.inode));
    }
    segment_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),  cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_identity), cmocka_unit_test(test_news),
        cmocka_unit_test(test_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
