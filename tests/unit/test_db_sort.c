/* What statements hold in memory and in files, and that they end when told. */
#include <dirent.h>
#include <malloc.h>

#include "sorts.h"

enum { LOOK_EVERY = 50 }; /* calls of SQLite */

static const size_t MB = 1 << 20;

/* ---- what a statement holds ---------------------------------------------- */

/* Temporary files that this process has open in that folder. */
static unsigned temporary_files(const char *folder)
{
    char link[64], target[256], prefix[128];
    unsigned count = 0;

    snprintf(prefix, sizeof prefix, "%s/etilqs_", folder);
    for (int fd = 3; fd < 64; fd++) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(link, target, sizeof target - 1);
        target[len < 0 ? 0 : len] = '\0';
        count += strncmp(target, prefix, strlen(prefix)) == 0 &&
                 strstr(target, " (deleted)") != NULL;
    }
    return count;
}

struct view {
    const struct scratch *scratch;
    struct db *db;
    size_t before; /* bytes of heap */
    size_t most;
    unsigned files; /* at most */
    bool cancels;   /* as soon as there is one */
    unsigned calls;
};

/* Sanitizers count nothing: then nothing was used. */
static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static void look(void *self)
{
    struct view *v = self;

    if (++v->calls % LOOK_EVERY != 0)
        return;
    size_t now = heap_bytes();
    unsigned files = temporary_files(v->scratch->dir);

    if (now > v->most)
        v->most = now;
    if (files > v->files)
        v->files = files;
    if (v->cancels && files > 0)
        db_cancel(v->db);
}

static struct view watch(const struct scratch *s, struct db *db)
{
    return (struct view){.scratch = s, .db = db, .before = heap_bytes()};
}

/* To its end, under the eyes of the progress handler. */
static enum db_result run_watched(struct view *v, const char *sql)
{
    struct stmt *stmt = must_prepare(v->db, sql);
    enum db_result r;

    db_on_progress(v->db, look, v);
    while ((r = stmt_step(stmt)) == DB_ROW)
        ;
    stmt_reset(stmt);
    db_on_progress(v->db, NULL, NULL);
    db_finalize(stmt);
    return r;
}

static size_t used(const struct view *v)
{
    return v->most > v->before ? v->most - v->before : 0;
}

static unsigned names_in(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* ---- memory and files ---------------------------------------------------- */

static void test_small_ones_make_no_file(void **state)
{
    static const char *const small[] = {SORTED("15000"), DISTINCT("15000"),
                                        DISTINCT("60000")};
    struct db *db = begin(*state);

    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        struct view v = watch(*state, db);
        assert_int_equal(run_watched(&v, small[i]), DB_DONE);
        assert_int_equal(v.files, 0);
    }
    db_close(db);
}

static void test_large_ones_use_files(void **state)
{
    static const struct {
        const char *sql;
        size_t memory; /* MB at most */
    } large[] = {
        {SORTED(LARGE), 12}, /* a run, which was as large before it grew */
        {DISTINCT("150000"), 26},
        {"SELECT count(*) OVER (PARTITION BY pad) FROM " ROWS("150000"), 36},
    };
    const struct scratch *s = *state;
    struct db *db = begin(s);

    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        struct view v = watch(s, db);
        assert_int_equal(run_watched(&v, large[i].sql), DB_DONE);
        assert_true(v.files > 0);
        if (used(&v) > large[i].memory * MB)
            fail_msg("%.60s…: %zu bytes", large[i].sql, used(&v));
        assert_int_equal(temporary_files(s->dir), 0);
        assert_int_equal(names_in(s->dir), 3); /* the database's */
    }
    db_close(db);
}

static void test_rows_are_in_order(void **state)
{
    struct db *db = begin(*state);
    struct stmt *s = must_prepare(db, SORTED(LARGE));
    int64_t last = -1, rows = 0;

    while (stmt_step(s) == DB_ROW) {
        assert_true(stmt_int(s, 0) >= last);
        last = stmt_int(s, 0);
        rows++;
    }
    assert_int_equal(rows, atoi(LARGE));
    db_close(db);
}

/* Pages are kept that a run has no room for: SQLite reads a file of 16 MB no
 * second time. */
static void test_pages_stay(void **state)
{
    struct db *db = begin(*state);
    struct view v = watch(*state, db);

    must_run(db, "CREATE TABLE t(v);"
                 "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
                 "FROM c LIMIT 8000) INSERT INTO t SELECT zeroblob(2000) "
                 "FROM c");
    assert_int_equal(run_watched(&v, "SELECT sum(length(v)) FROM t"), DB_DONE);
    size_t kept = heap_bytes() - v.before;
    if (heap_bytes() > 0) /* no sanitizer */
        assert_in_range(kept, 14 * MB, 26 * MB);
    db_close(db);
}

/* ---- ending one ---------------------------------------------------------- */

static void test_a_sort_is_cancelled(void **state)
{
    const struct scratch *s = *state;
    struct db *db = begin(s);
    struct view v = watch(s, db);

    v.cancels = true;
    assert_int_equal(run_watched(&v, SORTED(LARGE)), DB_CANCELLED);
    assert_int_equal(temporary_files(s->dir), 0);
    db_deadline(db, 0);
    assert_int_equal(one_int(db, "SELECT 7"), 7);
    db_close(db);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_small_ones_make_no_file), TEST(test_large_ones_use_files),
        TEST(test_rows_are_in_order),       TEST(test_pages_stay),
        TEST(test_a_sort_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
