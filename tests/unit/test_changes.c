#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "master/changes.h"

/* ---- apps made of names ---- */

struct sketch {
    enum method method;
    const char *path;
    uint64_t fingerprint;
};

static struct app app_of(const struct sketch *sketches, size_t count)
{
    struct endpoint *all = calloc(count, sizeof *all);

    assert_non_null(all);
    for (size_t i = 0; i < count; i++) {
        all[i].file = "api/x.sql";
        all[i].line = 3;
        all[i].method = sketches[i].method;
        all[i].path = sketches[i].path;
        all[i].fingerprint = sketches[i].fingerprint;
    }
    return (struct app){.endpoints = all, .endpoint_count = count};
}

static bool has_line(const struct changes *c, const char *line)
{
    for (size_t i = 0; i < c->lines.count; i++)
        if (strcmp(c->lines.at[i], line) == 0)
            return true;
    return false;
}

static void summary_is(const struct changes *c, const char *text)
{
    struct buf out = {0};

    changes_summary(c, &out);
    assert_string_equal(buf_text(&out), text);
    buf_free(&out);
}

static void endpoints_are_known_by_method_and_path(void **state)
{
    static const struct sketch before[] = {
        {METHOD_GET, "/a", 1},
        {METHOD_PUT, "/a", 2},
        {METHOD_GET, "/b", 3},
        {METHOD_GET, "/c", 4},
    };
    static const struct sketch after[] = {
        {METHOD_GET, "/c", 4},  {METHOD_PUT, "/a", 22}, {METHOD_GET, "/a", 1},
        {METHOD_POST, "/a", 1}, {METHOD_GET, "/d", 3},
    };
    const struct app old = app_of(before, 4);
    const struct app new = app_of(after, 5);

    (void)state;
    struct changes c = changes_find(&old, &new);
    summary_is(&c, "2 endpoints added, 1 changed, 1 removed, 2 kept");
    assert_int_equal(c.lines.count, 4);
    assert_true(has_line(&c, "PUT /a changed (api/x.sql:3)"));
    assert_true(has_line(&c, "POST /a added (api/x.sql:3)"));
    assert_true(has_line(&c, "GET /d added (api/x.sql:3)"));
    assert_true(has_line(&c, "GET /b removed (api/x.sql:3)"));
    changes_free(&c);
    free(old.endpoints);
    free(new.endpoints);
}

static void jobs_are_known_by_name(void **state)
{
    struct sql one[] = {{"DELETE FROM a", 2}};
    struct sql other[] = {{"DELETE FROM b", 2}};
    struct sql both[] = {{"DELETE FROM a", 2}, {"DELETE FROM b", 3}};
    const struct job like = {.file = "jobs/j.sql",
                             .line = 1,
                             .name = "same",
                             .when = {.every_ms = 1000},
                             .timeout_ms = 5,
                             .statements = one,
                             .statement_count = 1};
    struct job before[7];
    struct job after[7];
    static const char *const names[] = {"same",    "every", "daily", "timeout",
                                        "another", "more",  "gone"};

    (void)state;
    for (int i = 0; i < 7; i++) {
        before[i] = like;
        before[i].name = names[i];
        after[i] = before[i];
    }
    after[0].line = 9; /* it stands elsewhere: nothing has changed */
    after[1].when.every_ms = 2000;
    after[2].when = (struct schedule){.daily_minute = 7};
    after[3].timeout_ms = 6;
    after[4].statements = other;
    after[5].statements = both;
    after[5].statement_count = 2;
    after[6].name = "new";
    const struct app old = {.jobs = before, .job_count = 7};
    const struct app new = {.jobs = after, .job_count = 7};
    struct changes c = changes_find(&old, &new);
    summary_is(&c, "0 endpoints added, 0 changed, 0 removed, 0 kept; "
                   "1 job added, 5 changed, 1 removed, 1 kept");
    assert_true(has_line(&c, "job new added (jobs/j.sql:1)"));
    assert_true(has_line(&c, "job gone removed (jobs/j.sql:1)"));
    assert_true(has_line(&c, "job more changed (jobs/j.sql:1)"));
    changes_free(&c);
}

static void new_migrations_are_named(void **state)
{
    struct script before[] = {{.name = "001_a.sql"}};
    struct script after[] = {{.name = "001_a.sql"}, {.name = "002_b.sql"}};
    const struct app old = {.migrations = before, .migration_count = 1};
    const struct app new = {.migrations = after, .migration_count = 2};

    (void)state;
    struct changes c = changes_find(&old, &new);
    summary_is(&c, "0 endpoints added, 0 changed, 0 removed, 0 kept; "
                   "1 new migration");
    assert_int_equal(c.lines.count, 1);
    assert_true(has_line(&c, "migration 002_b.sql"));
    changes_free(&c);
}

static void settings_that_differ_are_named(void **state)
{
    const char *secret[] = {"KEY=secret"};
    const struct settings old = {.workers = 2, .pidfile = "/run/x"};
    const struct settings new = {.workers = 4, .raw_env = {secret, 1}};

    (void)state;
    struct changes c = changes_find(NULL, NULL);
    changes_add_settings(&c, &old, &new);
    assert_int_equal(c.settings, 3);
    assert_true(has_line(&c, "workers: 2 -> 4"));
    assert_true(has_line(&c, "pidfile: /run/x -> unset"));
    assert_true(has_line(&c, "raw_env: another value"));
    summary_is(&c, "0 endpoints added, 0 changed, 0 removed, 0 kept; "
                   "3 other settings");
    changes_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_known_by_method_and_path),
        cmocka_unit_test(jobs_are_known_by_name),
        cmocka_unit_test(new_migrations_are_named),
        cmocka_unit_test(settings_that_differ_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
