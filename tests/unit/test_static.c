#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "web.h"
#include "worker/http/conditions.h"
#include "worker/http/filecache.h"
#include "worker/http/static.h"

#define MODIFIED WEB_MODIFIED

static void test_names(void **state)
{
    static const struct {
        const char *target;
        int status;
        const char *body;
    } cases[] = {
        {"/a.txt", 200, "0123456789"},
        {"/a%2Etxt", 200, "0123456789"},
        {"/docs/../a.txt", 200, "0123456789"},
        {"/", 200, "<h1>home</h1>"},
        {"/docs/", 200, "<h1>docs</h1>"},
        {"/docs/inside.txt", 200, "0123456789"},
        {"/.well-known/security.txt", 200, "Contact: me"},
        {"/zero.css", 200, ""},
        {"/docs", 301, ""},
        {"/nothing", 404, NULL},
        {"/a.txt/", 404, NULL},
        {"/empty", 404, NULL},
        {"/empty/", 404, NULL},
        {"/.hidden", 404, NULL},
        {"/docs/.hidden", 404, NULL},
        {"/out.txt", 404, NULL},
        {"/absolute.txt", 404, NULL},
        {"/up/etc/passwd", 404, NULL},
        {"/loop", 404, NULL},
        {"/../secret.txt", 400, NULL},
        {"/%2e%2e/secret.txt", 400, NULL},
        {"/docs/%2e%2e%2f%2e%2e%2fsecret.txt", 404, NULL},
        {"/..%2fsecret.txt", 404, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = ask(*state, cases[i].target);
        if (status != cases[i].status)
            fail_msg("%s: %d, not %d", cases[i].target, status,
                     cases[i].status);
        if (cases[i].body)
            assert_body(*state, cases[i].body);
    }
}

static void test_long_name(void **state)
{
    char target[FILECACHE_NAME + 16];
    memset(target, 'x', sizeof target);
    target[0] = '/';
    target[sizeof target - 1] = '\0';
    assert_int_equal(ask(*state, target), 404);
}

static void test_redirect_stays_here(void **state)
{
    static const struct {
        const char *target;
        const char *location;
    } cases[] = {
        {"/docs", "/docs/"},
        {"/docs?a=1&b=%20", "/docs/?a=1&b=%20"},
        {"//docs", "/docs/"},
        {"///docs?x", "/docs/?x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ask(*state, cases[i].target), 301);
        assert_string_equal(header(*state, "location"), cases[i].location);
    }
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *type;
    } cases[] = {
        {"index.html", "text/html; charset=utf-8"},
        {"a.b/X.JS", "text/javascript; charset=utf-8"},
        {"x.svg", "image/svg+xml; charset=utf-8"},
        {"x.woff2", "font/woff2"},
        {"html", "application/octet-stream"},
        {"x.", "application/octet-stream"},
        {"x.unknown", "application/octet-stream"},
        {"", "application/octet-stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(files_type(slice_of(cases[i].name)), cases[i].type);
}

static void test_conditions(void **state)
{
    struct world *w = *state;
    char tag[80];
    assert_int_equal(ask(w, "/a.txt"), 200);
    assert_string_equal(header(w, "last-modified"), MODIFIED);
    assert_string_equal(header(w, "accept-ranges"), "bytes");
    snprintf(tag, sizeof tag, "%s", header(w, "etag"));
    assert_true(tag[0] == '"' && tag[strlen(tag) - 1] == '"');

    /* "@" stands for the tag of the file. */
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"If-None-Match: @\r\n", 304},
        {"If-None-Match: W/@\r\n", 304},
        {"If-None-Match: \"x\", @\r\n", 304},
        {"If-None-Match: *\r\n", 304},
        {"If-None-Match: \"x\"\r\n", 200},
        {"If-Modified-Since: " MODIFIED "\r\n", 304},
        {"If-Modified-Since: Thu, 02 Jan 2020 12:00:00 GMT\r\n", 304},
        {"If-Modified-Since: Wed, 01 Jan 2020 11:59:59 GMT\r\n", 200},
        {"If-Modified-Since: Wednesday, 01-Jan-20 12:00:00 GMT\r\n", 304},
        {"If-Modified-Since: Wed Jan  1 12:00:00 2020\r\n", 304},
        {"If-Modified-Since: yesterday\r\n", 200},
        {"If-None-Match: \"x\"\r\nIf-Modified-Since: " MODIFIED "\r\n", 200},
        {"If-Match: @\r\n", 200},
        {"If-Match: W/@\r\n", 412},
        {"If-Match: \"x\"\r\n", 412},
        {"If-Unmodified-Since: " MODIFIED "\r\n", 200},
        {"If-Unmodified-Since: Wed, 01 Jan 2020 11:59:59 GMT\r\n", 412},
        {"If-Match: @\r\nIf-None-Match: @\r\n", 304},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char fields[512] = "";
        for (const char *c = cases[i].fields; *c; c++)
            strncat(fields, *c == '@' ? tag : c, *c == '@' ? 80 : 1);
        int status = ask_with(w, "GET", "/a.txt", fields);
        if (status != cases[i].status)
            fail_msg("%s: %d, not %d", fields, status, cases[i].status);
        assert_string_equal(header(w, "etag"), tag);
        if (status == 304)
            assert_body(w, "");
    }
}

static void test_ranges(void **state)
{
    static const struct {
        const char *range;
        int status;
        const char *body;
        const char *content_range;
    } cases[] = {
        {"bytes=0-3", 206, "0123", "bytes 0-3/10"},
        {"bytes=7-", 206, "789", "bytes 7-9/10"},
        {"bytes=-2", 206, "89", "bytes 8-9/10"},
        {"bytes=-99", 206, "0123456789", "bytes 0-9/10"},
        {"bytes=5-99999999999999999999999", 206, "56789", "bytes 5-9/10"},
        {"Bytes= 9-9 ", 206, "9", "bytes 9-9/10"},
        {"bytes=10-", 416, NULL, "bytes */10"},
        {"bytes=-0", 416, NULL, "bytes */10"},
        {"bytes=99999999999999999999999-", 416, NULL, "bytes */10"},
        {"bytes=3-1", 200, "0123456789", ""},
        {"bytes=0-1,3-4", 200, "0123456789", ""},
        {"bytes=-", 200, "0123456789", ""},
        {"bytes=", 200, "0123456789", ""},
        {"bytes=a-b", 200, "0123456789", ""},
        {"lines=1-2", 200, "0123456789", ""},
        {"junk", 200, "0123456789", ""},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char fields[128];
        snprintf(fields, sizeof fields, "Range: %s\r\n", cases[i].range);
        int status = ask_with(w, "GET", "/a.txt", fields);
        if (status != cases[i].status)
            fail_msg("%s: %d, not %d", cases[i].range, status, cases[i].status);
        assert_string_equal(header(w, "content-range"), cases[i].content_range);
        if (cases[i].body)
            assert_body(w, cases[i].body);
        assert_int_equal(ask_with(w, "HEAD", "/a.txt", fields), 200);
    }
    assert_int_equal(ask_with(w, "GET", "/zero.css", "Range: bytes=0-\r\n"),
                     416);
}

static void test_if_range(void **state)
{
    struct world *w = *state;
    char fields[256];
    assert_int_equal(ask(w, "/a.txt"), 200);
    snprintf(fields, sizeof fields, "Range: bytes=1-2\r\nIf-Range: %s\r\n",
             header(w, "etag"));
    assert_int_equal(ask_with(w, "GET", "/a.txt", fields), 206);
    assert_int_equal(ask_with(w, "GET", "/a.txt",
                              "Range: bytes=1-2\r\nIf-Range: " MODIFIED "\r\n"),
                     206);
    assert_int_equal(
        ask_with(w, "GET", "/a.txt", "Range: bytes=1-2\r\nIf-Range: \"x\"\r\n"),
        200);
    assert_body(w, "0123456789");
}

/* A file is believed for a second, then a change shows, and so does a
 * deletion. */
static void test_change_is_seen(void **state)
{
    struct world *w = *state;
    char path[128];
    assert_int_equal(ask(w, "/a.txt"), 200);
    put(w, "web/a.txt", "other"); /* with the same modification time */
    w->now += FILECACHE_BELIEF - 1;
    assert_int_equal(ask(w, "/a.txt"), 200);
    assert_body(w, "0123456789");
    w->now += 1;
    assert_int_equal(ask(w, "/a.txt"), 200);
    assert_body(w, "other");
    snprintf(path, sizeof path, "%s/web/a.txt", w->dir);
    assert_int_equal(unlink(path), 0);
    w->now += FILECACHE_BELIEF;
    assert_int_equal(ask(w, "/a.txt"), 404);
}

/* An entry that turned out unchanged is believed for one more second. */
static void test_belief_is_renewed(void **state)
{
    struct world *w = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/web/a.txt", w->dir);
    assert_int_equal(ask(w, "/a.txt"), 200);
    w->now += FILECACHE_BELIEF;
    assert_int_equal(ask(w, "/a.txt"), 200);
    assert_int_equal(unlink(path), 0);
    w->now += FILECACHE_BELIEF - 1;
    assert_int_equal(ask(w, "/a.txt"), 200);
    assert_body(w, "0123456789");
}

static void test_large_file(void **state)
{
    struct world *w = *state;
    size_t size = FILECACHE_SMALL + 1;
    char *text = malloc(size + 1);
    memset(text, 'x', size);
    text[size] = '\0';
    put(w, "web/large.bin", text);
    free(text);
    assert_int_equal(ask(w, "/large.bin"), 200);
    assert_true(w->res.file >= 0);
    assert_int_equal(w->res.file_length, size);
    int first = w->res.file;
    w->res.file = -1; /* as if still being sent */
    assert_int_equal(ask_with(w, "GET", "/large.bin", "Range: bytes=-1\r\n"),
                     206);
    assert_int_not_equal(w->res.file, first);
    assert_int_equal(w->res.file_offset, size - 1);
    assert_int_equal(w->res.file_length, 1);
    close(first);
}

/* More names and more bytes than are kept: all still answer. */
static void test_eviction(void **state)
{
    struct world *w = *state;
    char *text = malloc(FILECACHE_SMALL + 1);
    memset(text, 'y', FILECACHE_SMALL);
    text[FILECACHE_SMALL] = '\0';
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < FILECACHE_ENTRIES + 6; i++) {
            char name[32];
            snprintf(name, sizeof name, "web/%d.txt", i);
            if (round == 0)
                put(w, name, i % 2 ? text : "small");
            assert_int_equal(ask(w, name + 3), 200);
            assert_body(w, i % 2 ? text : "small");
        }
    free(text);
}

/* Without descriptors a file is not "not found". */
static void test_no_descriptors(void **state)
{
    struct world *w = *state;
    struct rlimit before, none = {3, 3};
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    int status = ask(w, "/a.txt");
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(status, 503);
    assert_string_equal(header(w, "retry-after"), "1");
}

static void test_special_files(void **state)
{
    struct world *w = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/web/pipe", w->dir);
    assert_int_equal(mkfifo(path, 0644), 0);
    assert_int_equal(ask(w, "/pipe"), 404);
}

static bool says(struct world *w, const char *field)
{
    return strstr(buf_text(&w->res.headers), field) != NULL;
}

static void test_pages(void **state)
{
    struct world *w = *state;
    const struct settings on = {.security_headers = "on",
                                .content_security_policy = "a-policy"};
    const struct settings bare = {.security_headers = "on"};
    const struct settings off = {.security_headers = "off",
                                 .content_security_policy = "a-policy"};

    assert_int_equal(ask(w, "/"), 200);
    assert_false(says(w, "X-Frame"));
    files_secure(w->files, &on);
    assert_int_equal(ask(w, "/docs/"), 200);
    assert_true(says(w, "X-Frame-Options: SAMEORIGIN\r\n"));
    assert_true(
        says(w, "Referrer-Policy: strict-origin-when-cross-origin\r\n"));
    assert_true(says(w, "Content-Security-Policy: a-policy\r\n"));
    assert_int_equal(ask_with(w, "GET", "/", "If-None-Match: *\r\n"), 304);
    assert_true(says(w, "Content-Security-Policy: a-policy\r\n"));
    assert_int_equal(ask(w, "/a.txt"), 200);
    assert_false(says(w, "Policy"));
    assert_int_equal(ask(w, "/docs"), 301);
    assert_false(says(w, "Policy"));
    files_secure(w->files, &bare);
    assert_int_equal(ask(w, "/"), 200);
    assert_true(says(w, "X-Frame-Options"));
    assert_false(says(w, "Content-Security-Policy"));
    files_secure(w->files, &off);
    assert_int_equal(ask(w, "/"), 200);
    assert_false(says(w, "X-Frame") || says(w, "Policy"));
}

static void test_open_fails(void **state)
{
    (void)state;
    assert_null(files_open("/nonexistent/web", NULL));
    files_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, web_make, web_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_long_name),
        TEST(test_redirect_stays_here),
        TEST(test_conditions),
        TEST(test_ranges),
        TEST(test_if_range),
        TEST(test_change_is_seen),
        TEST(test_belief_is_renewed),
        TEST(test_large_file),
        TEST(test_eviction),
        TEST(test_no_descriptors),
        TEST(test_special_files),
        TEST(test_pages),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_open_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
