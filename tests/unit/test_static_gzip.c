#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "web.h"
#include "worker/http/filecache.h"
#include "worker/http/static.h"

#define ACCEPT "Accept-Encoding: gzip, deflate\r\n"

enum {
    PAGE = 20000,           /* bytes of web/page.html */
    LARGE = 300000,         /* of web/large.css: kept as a descriptor */
    SHARE = FILECACHE_GZIP, /* of files that shrink to about six tenths */
    TOO_LARGE = SHARE + 1,
};

/* ---- files ---------------------------------------------------------------*/

/* Lines that say the same; `seed` makes one file differ from another. */
static void put_text(const struct world *w, const char *name, size_t len,
                     int seed)
{
    struct buf text = {NULL, 0, 0};

    for (int i = 0; text.len < len; i++)
        buf_format(&text, "<p class=\"row\">%d: %d</p>\n", seed, i);
    text.len = len;
    put(w, name, buf_text(&text));
    buf_free(&text);
}

/* Hexadecimal noise: four bits in each byte of eight. */
static void put_noise(const struct world *w, const char *name, size_t len)
{
    static uint32_t x = 2463534242u;
    struct buf text = {NULL, 0, 0};

    while (text.len < len) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        buf_byte(&text, "0123456789abcdef"[x >> 9 & 15]);
    }
    put(w, name, buf_text(&text));
    buf_free(&text);
}

static int set_up(void **state)
{
    char dull[800];

    if (web_make(state) != 0)
        return -1;
    const struct world *w = *state;
    for (size_t i = 0; i < sizeof dull; i++) /* no byte twice in a row */
        dull[i] = (char)(1 + (i * 97 + i / 251 * 13 + i * i % 89) % 255);
    dull[sizeof dull - 1] = '\0';
    put_text(w, "web/page.html", PAGE, 1);
    put_text(w, "web/large.css", LARGE, 2);
    put_text(w, "web/too-large.css", TOO_LARGE, 3);
    put_text(w, "web/picture.png", PAGE, 4);
    put_text(w, "web/short.html", 499, 5);
    put(w, "web/dull.txt", dull);
    return 0;
}

/* ---- answers -------------------------------------------------------------*/

/* The answer's bytes must be one gzip member: its content, for free(). */
static char *unpacked(const struct world *w, size_t room, size_t *len)
{
    struct slice body = response_body(&w->res);
    z_stream z = {.avail_in = (uInt)body.len};
    unsigned char *out = malloc(room);
    char *in = malloc(body.len);

    assert_true(out && in);
    memcpy(in, body.ptr, body.len);
    z.next_in = (unsigned char *)in;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    *len = z.total_out;
    inflateEnd(&z);
    free(in);
    return (char *)out;
}

static void assert_is_file(const struct world *w, const char *name,
                           const char *bytes, size_t len)
{
    char path[256];
    char *all = malloc(len + 1);

    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "r");
    assert_true(f && all);
    assert_int_equal(fread(all, 1, len + 1, f), len);
    assert_memory_equal(all, bytes, len);
    fclose(f);
    free(all);
}

static void assert_gzip_of(const struct world *w, const char *name)
{
    size_t len;
    char *bytes = unpacked(w, TOO_LARGE + 1, &len);

    assert_is_file(w, name, bytes, len);
    free(bytes);
}

static bool is_gzip(struct world *w)
{
    return strcmp(header(w, "content-encoding"), "gzip") == 0;
}

static bool varies(struct world *w)
{
    return strcmp(header(w, "vary"), "Accept-Encoding") == 0;
}

/* The two tags of a file, its own and that of its gzip form. */
static void tags_of(struct world *w, const char *target, char own[80],
                    char gzip[80])
{
    assert_int_equal(ask(w, target), 200);
    snprintf(own, 80, "%s", header(w, "etag"));
    assert_int_equal(ask_with(w, "GET", target, ACCEPT), 200);
    snprintf(gzip, 80, "%s", header(w, "etag"));
}

static void test_two_forms(void **state)
{
    struct world *w = *state;
    char own[80], gzip[80], expected[80];

    tags_of(w, "/page.html", own, gzip);
    snprintf(expected, sizeof expected, "%.*s-gz\"", (int)strlen(own) - 1, own);
    assert_string_equal(gzip, expected);
    assert_true(is_gzip(w));
    assert_true(varies(w));
    assert_string_equal(header(w, "last-modified"), WEB_MODIFIED);
    assert_string_equal(header(w, "accept-ranges"), "");
    assert_string_equal(w->res.type, "text/html; charset=utf-8");
    assert_true(response_body(&w->res).len < PAGE / 4);
    assert_gzip_of(w, "web/page.html");

    assert_int_equal(ask(w, "/page.html"), 200);
    assert_false(is_gzip(w));
    assert_true(varies(w));
    assert_string_equal(header(w, "etag"), own);
    assert_string_equal(header(w, "accept-ranges"), "bytes");
    struct slice body = response_body(&w->res);
    assert_is_file(w, "web/page.html", body.ptr, body.len);
}

/* Which of them may come in either form, and in which it came. */
static void test_which_files(void **state)
{
    static const struct {
        const char *target;
        const char *coding;
        bool varies, gzip;
    } cases[] = {
        {"/page.html", "gzip", true, true},
        {"/page.html", "br, *;q=0.1", true, true},
        {"/page.html", "gzip;q=0", true, false},
        {"/page.html", "identity, gzip;q=0.5", true, false},
        {"/page.html", "br", true, false},
        {"/large.css", "gzip", true, true},
        {"/large.css", "br", true, false},
        {"/dull.txt", "gzip", true, false},
        {"/short.html", "gzip", false, false},
        {"/picture.png", "gzip", false, false},
        {"/too-large.css", "gzip", false, false},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char fields[128];
        snprintf(fields, sizeof fields, "Accept-Encoding: %s\r\n",
                 cases[i].coding);
        assert_int_equal(ask_with(w, "GET", cases[i].target, fields), 200);
        if (varies(w) != cases[i].varies || is_gzip(w) != cases[i].gzip)
            fail_msg("%s for %s: %.*s", cases[i].target, cases[i].coding,
                     (int)w->res.headers.len, w->res.headers.data);
    }
}

static void test_head_is_like_get(void **state)
{
    static const struct {
        const char *target;
        const char *fields;
    } cases[] = {
        {"/page.html", ""},     {"/page.html", ACCEPT}, {"/large.css", ""},
        {"/large.css", ACCEPT}, {"/dull.txt", ACCEPT},  {"/zero.css", ACCEPT},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char lines[512];
        const char *fields = cases[i].fields;
        assert_int_equal(ask_with(w, "GET", cases[i].target, fields), 200);
        snprintf(lines, sizeof lines, "%.*s", (int)w->res.headers.len,
                 w->res.headers.data);
        size_t len = response_body(&w->res).len;
        int64_t file_length = w->res.file_length;
        assert_int_equal(ask_with(w, "HEAD", cases[i].target, fields), 200);
        assert_int_equal(w->res.headers.len, strlen(lines));
        assert_memory_equal(w->res.headers.data, lines, strlen(lines));
        assert_int_equal(response_body(&w->res).len, len);
        assert_int_equal(w->res.file_length, file_length);
    }
}

static void test_conditions(void **state)
{
    /* "@" stands for the file's own tag, "#" for its gzip form's. */
    static const struct {
        const char *fields;
        int status;
        bool gzip; /* the form that was judged */
    } cases[] = {
        {ACCEPT "If-None-Match: #\r\n", 304, true},
        {ACCEPT "If-None-Match: W/#\r\n", 304, true},
        {ACCEPT "If-None-Match: @, #\r\n", 304, true},
        {ACCEPT "If-None-Match: @\r\nIf-None-Match: #\r\n", 304, true},
        {ACCEPT "If-None-Match: @\r\n", 200, true},
        {"If-None-Match: @\r\n", 304, false},
        {"If-None-Match: #\r\n", 200, false},
        {ACCEPT "If-Modified-Since: " WEB_MODIFIED "\r\n", 304, true},
        {ACCEPT "If-Match: #\r\n", 200, true},
        {ACCEPT "If-Match: @\r\n", 412, true},
        {"If-Match: #\r\n", 412, false},
    };
    struct world *w = *state;
    char own[80], gzip[80];

    tags_of(w, "/page.html", own, gzip);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf fields = {NULL, 0, 0};
        for (const char *c = cases[i].fields; *c; c++)
            buf_add(&fields,
                    *c == '@'   ? own
                    : *c == '#' ? gzip
                                : c,
                    *c == '@'   ? strlen(own)
                    : *c == '#' ? strlen(gzip)
                                : 1);
        int status = ask_with(w, "GET", "/page.html", buf_text(&fields));
        if (status != cases[i].status)
            fail_msg("%s: %d, not %d", cases[i].fields, status,
                     cases[i].status);
        assert_string_equal(header(w, "etag"), cases[i].gzip ? gzip : own);
        assert_string_equal(header(w, "last-modified"), WEB_MODIFIED);
        assert_true(varies(w));
        assert_int_equal(is_gzip(w), status == 200 && cases[i].gzip);
        if (status == 304)
            assert_body(w, "");
        buf_free(&fields);
    }
}

static void test_ranges_are_of_the_file(void **state)
{
    struct world *w = *state;
    char own[80], gzip[80], fields[256];

    tags_of(w, "/page.html", own, gzip);
    assert_int_equal(
        ask_with(w, "GET", "/page.html", ACCEPT "Range: bytes=0-15\r\n"), 206);
    assert_body(w, "<p class=\"row\">1");
    assert_string_equal(header(w, "content-range"), "bytes 0-15/20000");
    assert_string_equal(header(w, "etag"), own);
    assert_false(is_gzip(w));
    assert_true(varies(w));

    assert_int_equal(
        ask_with(w, "GET", "/page.html", ACCEPT "Range: bytes=20000-\r\n"),
        416);
    assert_true(varies(w));

    /* A client that has part of the gzip form gets the whole of the other. */
    snprintf(fields, sizeof fields, "%sRange: bytes=0-15\r\nIf-Range: %s\r\n",
             ACCEPT, gzip);
    assert_int_equal(ask_with(w, "GET", "/page.html", fields), 200);
    assert_int_equal(response_body(&w->res).len, PAGE);
    assert_false(is_gzip(w));

    assert_int_equal(
        ask_with(w, "HEAD", "/page.html", ACCEPT "Range: bytes=0-15\r\n"), 200);
    assert_true(is_gzip(w));
}

/* As it is, from a descriptor; compressed, from memory. */
static void test_larger_file(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, "/large.css"), 200);
    assert_true(w->res.file >= 0);
    assert_true(varies(w));
    assert_int_equal(ask_with(w, "GET", "/large.css", ACCEPT), 200);
    assert_int_equal(w->res.file, -1);
    assert_gzip_of(w, "web/large.css");
    assert_int_equal(ask_with(w, "GET", "/too-large.css", ACCEPT), 200);
    assert_true(w->res.file >= 0);
    assert_int_equal(w->res.file_length, TOO_LARGE);
}

static void test_change_is_seen(void **state)
{
    struct world *w = *state;
    char own[80], gzip[80];

    tags_of(w, "/page.html", own, gzip);
    put_text(w, "web/page.html", PAGE, 9); /* with the same time and size */
    w->now += FILECACHE_BELIEF;
    assert_int_equal(ask_with(w, "GET", "/page.html", ACCEPT), 200);
    assert_gzip_of(w, "web/page.html");
}

/* A file that is not what was found is not compressed under that tag. */
static void test_change_before_compression(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask(w, "/large.css"), 200);
    put_text(w, "web/large.css", LARGE, 9);
    assert_int_equal(ask_with(w, "GET", "/large.css", ACCEPT), 200);
    assert_false(is_gzip(w));
    w->now += FILECACHE_BELIEF;
    assert_int_equal(ask_with(w, "GET", "/large.css", ACCEPT), 200);
    assert_gzip_of(w, "web/large.css");
}

static void test_without_encoder(void **state)
{
    struct world *w = *state;
    char web[80];

    files_close(w->files);
    snprintf(web, sizeof web, "%s/web", w->dir);
    w->files = files_open(web, NULL);
    assert_non_null(w->files);
    assert_int_equal(ask_with(w, "GET", "/page.html", ACCEPT), 200);
    assert_false(is_gzip(w));
    assert_false(varies(w));
    assert_int_equal(response_body(&w->res).len, PAGE);
}

/* ---- what is kept --------------------------------------------------------*/

static struct slice gzip_of(struct world *w, struct filecache *c,
                            const char *name)
{
    const struct file *file;

    assert_int_equal(filecache_find(c, slice_of(name), w->now, &file),
                     FILECACHE_FILE);
    return filecache_gzip(c, w->encoder);
}

static struct filecache *cache_of(const struct world *w)
{
    char web[80];

    snprintf(web, sizeof web, "%s/web", w->dir);
    struct filecache *c = filecache_open(web);
    assert_non_null(c);
    return c;
}

static void test_made_once(void **state)
{
    struct world *w = *state;
    struct filecache *c = cache_of(w);

    struct slice first = gzip_of(w, c, "page.html");
    assert_non_null(first.ptr);
    assert_non_null(gzip_of(w, c, "large.css").ptr);
    assert_null(gzip_of(w, c, "dull.txt").ptr);
    for (int i = 0; i < 100; i++) {
        w->now += FILECACHE_BELIEF / 3; /* it is looked at and unchanged */
        struct slice again = gzip_of(w, c, "page.html");
        assert_ptr_equal(again.ptr, first.ptr);
        assert_int_equal(again.len, first.len);
    }
    filecache_close(c);
}

/*
 * Six forms of some 600 KiB leave no room for a seventh as long as they are
 * warm; once they are not, the one used longest ago goes.
 */
static void test_room(void **state)
{
    struct world *w = *state;
    struct filecache *c = cache_of(w);
    char name[8][24];
    size_t held = 0;

    for (int i = 0; i < 8; i++) {
        snprintf(name[i], sizeof name[i], "web/%d.txt", i);
        put_noise(w, name[i], SHARE);
        struct slice gzip = gzip_of(w, c, name[i] + 4);
        if ((gzip.ptr != NULL) != (held + SHARE <= FILECACHE_BYTES))
            fail_msg("%d, with %zu bytes held", i, held);
        held += gzip.len;
    }
    assert_true(held > FILECACHE_BYTES / 2 && held <= FILECACHE_BYTES);
    w->now += FILECACHE_WARM - 1;
    struct slice kept = gzip_of(w, c, "1.txt");
    assert_non_null(kept.ptr);
    assert_null(gzip_of(w, c, "7.txt").ptr);
    w->now += 1;
    assert_non_null(gzip_of(w, c, "7.txt").ptr);
    assert_ptr_equal(gzip_of(w, c, "1.txt").ptr, kept.ptr);
    filecache_close(c);
}

/* The files themselves have first claim to the memory. */
static void test_files_come_first(void **state)
{
    struct world *w = *state;
    struct filecache *c = cache_of(w);
    const struct file *file;
    char name[32];

    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "web/%d.txt", i);
        put_noise(w, name, SHARE);
        gzip_of(w, c, name + 4);
    }
    for (int i = 0; i < FILECACHE_ENTRIES - 6; i++) {
        snprintf(name, sizeof name, "web/small-%d.txt", i);
        put_noise(w, name, FILECACHE_SMALL);
        assert_int_equal(filecache_find(c, slice_of(name + 4), w->now, &file),
                         FILECACHE_FILE);
        assert_non_null(file->bytes);
        assert_is_file(w, name, file->bytes, FILECACHE_SMALL);
    }
    filecache_close(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, web_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_two_forms),
        TEST(test_which_files),
        TEST(test_head_is_like_get),
        TEST(test_conditions),
        TEST(test_ranges_are_of_the_file),
        TEST(test_larger_file),
        TEST(test_change_is_seen),
        TEST(test_change_before_compression),
        TEST(test_without_encoder),
        TEST(test_made_once),
        TEST(test_room),
        TEST(test_files_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
