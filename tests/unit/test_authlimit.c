#include "ask.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "worker/endpoint/authlimit.h"

enum { WRONG = 3 };

static struct {
    struct buckets *buckets;
    struct response res;
    char log[64];
} it;

static int make(void **state)
{
    (void)state;
    it.buckets = calloc(1, buckets_size());
    assert_non_null(it.buckets);
    buckets_init(it.buckets, 7);
    response_init(&it.res);
    strcpy(it.log, "/tmp/prong-authlimit-XXXXXX");
    close(mkstemp(it.log));
    return log_open(it.log, LOG_WARNING, false) ? 0 : -1;
}

static int unmake(void **state)
{
    (void)state;
    log_open("-", LOG_INFO, false);
    unlink(it.log);
    response_free(&it.res);
    free(it.buckets);
    return 0;
}

/* How many lines hold it. */
static int logged(const char *what)
{
    char line[512];
    int count = 0;
    FILE *f = fopen(it.log, "r");

    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        count += strstr(line, what) != NULL;
    fclose(f);
    return count;
}

/* Null client: a call of the server's own. False when it has to wait. */
static bool guess(const struct authlimit *l, const char *client, const char *id)
{
    struct trace trace = {.record = NULL};
    struct call call = {.res = &it.res, .trace = &trace, .client = client};

    response_reset(&it.res);
    it.res.id_len = strlen(id);
    memcpy(it.res.id, id, it.res.id_len);
    if (!authlimit_admits(l, &call))
        return false;
    authlimit_failed(l, &call);
    return true;
}

static void the_first_is_logged(void **state)
{
    struct authlimit l = authlimit_of(it.buckets, WRONG);

    (void)state;
    assert_true(guess(&l, "10.0.0.1", "first"));
    assert_int_equal(
        logged("[WARNING] Wrong token from ip=10.0.0.1, request first\n"), 1);
    assert_true(guess(&l, "10.0.0.1", "second"));
    assert_int_equal(logged(""), 1);
    assert_true(guess(&l, "10.0.0.2", "other"));
    assert_int_equal(logged("ip=10.0.0.2, request other"), 1);
    /* Of IPv6 the /64 is one. */
    assert_true(guess(&l, "2001:db8::1", "six"));
    assert_true(guess(&l, "2001:db8::2", "seven"));
    assert_int_equal(logged("2001:db8::"), 1);
}

static void the_limit_is_logged(void **state)
{
    struct authlimit l = authlimit_of(it.buckets, WRONG);

    (void)state;
    for (int i = 0; i < WRONG; i++) {
        assert_int_equal(logged("Too many wrong tokens"), 0);
        assert_true(guess(&l, "10.0.0.1", "x"));
    }
    for (int i = 0; i < 3; i++)
        assert_false(guess(&l, "10.0.0.1", "x"));
    assert_int_equal(it.res.status, 429);
    assert_int_equal(logged("Too many wrong tokens from ip=10.0.0.1: "), 1);
    assert_int_equal(logged(""), 2);
    assert_true(guess(&l, "10.0.0.2", "x"));
}

static void the_log_is_bounded(void **state)
{
    struct authlimit l = authlimit_of(it.buckets, 1);
    char address[32];

    (void)state;
    for (int i = 0; i < 500; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
        guess(&l, address, "x");
    }
    /* Neither kind of line takes the other's place. */
    assert_in_range(logged("Wrong token from"), 10, 12);
    assert_in_range(logged("Too many wrong tokens from"), 10, 12);
}

static void without_a_limit_it_is_logged_too(void **state)
{
    struct authlimit l = authlimit_of(it.buckets, 0);

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_true(guess(&l, "10.0.0.1", "x"));
    assert_int_equal(logged("Wrong token from ip=10.0.0.1"), 1);
    assert_int_equal(logged(""), 1);
}

/* It is not limited: that would lock out everybody. */
static void who_has_no_address(void **state)
{
    struct authlimit l = authlimit_of(it.buckets, WRONG);

    (void)state;
    for (int i = 0; i < 3 * WRONG; i++) {
        assert_true(guess(&l, "", "a"));
        assert_true(guess(&l, NULL, "a"));
    }
    assert_int_equal(logged("over a unix socket, request a: "), 1);
    assert_int_equal(logged(""), 1);
}

static void without_a_segment(void **state)
{
    struct authlimit l = authlimit_of(NULL, WRONG);

    (void)state;
    for (int i = 0; i < 3 * WRONG; i++)
        assert_true(guess(&l, "10.0.0.1", "x"));
    assert_int_equal(logged(""), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_first_is_logged), T(the_limit_is_logged),
        T(the_log_is_bounded),  T(without_a_limit_it_is_logged_too),
        T(who_has_no_address),  T(without_a_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
