#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "worker/http/encoding.h"

static const struct encoding_config usual = {
    .on = true, .min_length = 500, .level = 6};

static struct encoder *encoder;
static struct buf plain;
static struct buf packed;

static int set_up(void **state)
{
    (void)state;
    encoder = encoder_new(&usual);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    encoder_free(encoder);
    buf_free(&plain);
    buf_free(&packed);
    return 0;
}

/* ---- contents ------------------------------------------------------------*/

static void rows(size_t len)
{
    buf_clear(&plain);
    for (int i = 0; plain.len < len; i++)
        buf_format(&plain, "{\"id\":%d,\"name\":\"Chef %d\",\"rating\":4.5},",
                   i, i * 7919 % 1000);
    plain.len = len;
}

/* xorshift32: bytes that nothing makes smaller. */
static void noise(size_t len)
{
    uint32_t x = 2463534242u;

    buf_clear(&plain);
    while (plain.len < len) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        buf_byte(&plain, (char)(x >> 8));
    }
}

static void letters(size_t len)
{
    buf_clear(&plain);
    memset(buf_reserve(&plain, len), 'a', len);
    plain.len = len;
}

/* The gzip form from `at` on must be one member that gives the content. */
static void assert_unpacks(size_t at)
{
    z_stream z = {.avail_in = (uInt)(packed.len - at)};
    unsigned char *out = malloc(plain.len + 1);

    assert_non_null(out);
    z.next_in = (unsigned char *)packed.data + at;
    z.next_out = out;
    z.avail_out = (uInt)plain.len + 1;
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK); /* only gzip's frame */
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(z.total_out, plain.len);
    assert_memory_equal(out, plain.data, plain.len);
    inflateEnd(&z);
    free(out);
}

static bool pack(void)
{
    buf_clear(&packed);
    return encoder_gzip(encoder, buf_view(&plain), &packed);
}

/* ---- gzip ----------------------------------------------------------------*/

static void comes_back(void **state)
{
    static const size_t lengths[] = {100, 500, 9600, 32768, 70000, 3000000};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        rows(lengths[i]);
        assert_true(pack());
        assert_true(packed.len < plain.len);
        assert_unpacks(0);
        letters(lengths[i]);
        assert_true(pack());
        assert_unpacks(0);
    }
}

static void is_appended(void **state)
{
    (void)state;
    rows(2000);
    buf_clear(&packed);
    buf_string(&packed, "head");
    assert_true(encoder_gzip(encoder, buf_view(&plain), &packed));
    assert_memory_equal(packed.data, "head", 4);
    assert_unpacks(4);
}

/* What would not be smaller is left alone, and the stream is good after. */
static void never_larger(void **state)
{
    static const size_t lengths[] = {0, 1, 2, 20, 500, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        noise(lengths[i]);
        buf_clear(&packed);
        buf_string(&packed, "head");
        assert_false(encoder_gzip(encoder, buf_view(&plain), &packed));
        assert_int_equal(packed.len, 4);
        rows(1000);
        assert_true(pack());
        assert_unpacks(0);
    }
}

/* The first length at which it pays: one less was as long in both forms. */
static void smaller_by_one(void **state)
{
    size_t len = 2;

    (void)state;
    for (letters(len); !pack(); letters(len))
        assert_true(++len < 100);
    assert_int_equal(packed.len, len - 1);
    assert_unpacks(0);
}

/* The kept stream gives what a new one gives. */
static void is_the_same_each_time(void **state)
{
    struct buf first = {NULL, 0, 0};

    (void)state;
    rows(9600);
    assert_true(encoder_gzip(encoder, buf_view(&plain), &first));
    noise(5000);
    assert_false(pack());
    letters(50000);
    assert_true(pack());
    rows(9600);
    assert_true(pack());
    assert_true(slice_equal(buf_view(&first), buf_view(&packed)));
    encoder_free(encoder);
    encoder = encoder_new(&usual);
    assert_true(pack());
    assert_true(slice_equal(buf_view(&first), buf_view(&packed)));
    buf_free(&first);
}

static void level_counts(void **state)
{
    size_t before = SIZE_MAX;

    (void)state;
    rows(50000);
    for (int level = 1; level <= 9; level += 4) {
        struct encoding_config config = usual;
        config.level = level;
        encoder_free(encoder);
        encoder = encoder_new(&config);
        assert_true(pack());
        assert_unpacks(0);
        assert_true(packed.len < before);
        before = packed.len;
    }
}

static void unused_encoder(void **state)
{
    (void)state;
    encoder_free(NULL);
    encoder_free(encoder_new(&usual));
}

/* ---- what suits ----------------------------------------------------------*/

static void types(void **state)
{
    static const struct {
        const char *type;
        bool suits;
    } cases[] = {
        {"application/json", true},
        {"Application/JSON", true},
        {"application/json ; charset=utf-8", true},
        {"application/problem+json", true},
        {"application/manifest+json", true},
        {"application/openapi+json;version=3.1", true},
        {"application/x-ndjson", true},
        {"application/javascript", true},
        {"application/xml", true},
        {"application/atom+xml", true},
        {"application/wasm", true},
        {"text/html; charset=utf-8", true},
        {"text/csv", true},
        {"text/plain; version=0.0.4", true},
        {"TEXT/plain", true},
        {"image/svg+xml; charset=utf-8", true},
        {"font/ttf", true},
        {"font/woff", false},
        {"font/woff2", false},
        {"image/png", false},
        {"image/jpeg", false},
        {"image/vnd.microsoft.icon", false},
        {"video/mp4", false},
        {"application/pdf", false},
        {"application/zip", false},
        {"application/octet-stream", false},
        {"application/json5", false},
        {"application/x; a=text/", false},
        {"application/x; a=+json", false},
        {"text", false},
        {"json", false},
        {"", false},
        {NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (encoder_suits(encoder, cases[i].type, 9600) != cases[i].suits)
            fail_msg("%s: not %d", cases[i].type, cases[i].suits);
}

static void lengths_and_switch(void **state)
{
    const struct encoding_config off = {
        .on = false, .min_length = 0, .level = 6};
    struct encoder *silent = encoder_new(&off);

    (void)state;
    assert_false(encoder_suits(encoder, "text/css", 0));
    assert_false(encoder_suits(encoder, "text/css", 499));
    assert_true(encoder_suits(encoder, "text/css", 500));
    assert_true(encoder_suits(encoder, "text/css", SIZE_MAX));
    assert_false(encoder_suits(silent, "text/css", 9600));
    assert_false(encoder_suits(NULL, "text/css", 9600));
    encoder_free(silent);
}

/* ---- what a client takes (RFC 9110, 12.5.3) ------------------------------*/

static const struct {
    const char *field;
    bool gzip;
} fields[] = {
    {NULL, false}, /* anything would do: then the simplest */
    {"", false},
    {"gzip", true},
    {"gzip, deflate", true},
    {"gzip, deflate, br", true},
    {"gzip, deflate, br, zstd", true},
    {"deflate, gzip", true},
    {"deflate, gzip, br, zstd", true},
    {"br, gzip, deflate", true},
    {"GZip", true},
    {"x-gzip", true},
    {"  gzip\t", true},
    {",, gzip ,", true},
    {"deflate,gzip", true},
    {"br", false},
    {"deflate, br", false},
    {"identity", false},
    {"compress, gzip", true},
    /* weights */
    {"gzip;q=1", true},
    {"gzip;q=1.000", true},
    {"gzip ; q=0.5", true},
    {"gzip;Q=0.001", true},
    {"gzip;q=0.", false},
    {"gzip;q=0", false},
    {"gzip;q=0.000", false},
    {"gzip;q=0.5, identity;q=0.4", true},
    {"gzip;q=0.5, identity;q=0.5", true},
    {"gzip;q=0.5, identity;q=0.501", false},
    {"identity;q=0.5, gzip", true},
    {"identity, gzip;q=0.9", false},
    {"compress;q=0.5, gzip;q=1.0", true},
    {"gzip;q=1.0, identity; q=0.5, *;q=0", true},
    {"br;q=1.0, gzip;q=0.8, *;q=0.1", true},
    /* what is not named */
    {"*", true},
    {"*;q=0.1", true},
    {"*;q=0", false},
    {"gzip;q=0, *", false},
    {"gzip, *;q=0", true},
    {"gzip;q=0.5, *", false}, /* identity is worth 1 */
    {"identity;q=0", false},  /* nor is gzip named */
    {"identity;q=0, gzip", true},
    {"identity;q=0, *", true},
    {"identity;q=0, gzip;q=0", false},
    {"br, *;q=0.5, identity;q=0.4", true},
    /* twice */
    {"gzip, gzip;q=0", false},
    {"x-gzip;q=0, gzip", true},
    /* nonsense */
    {"gzip;q=2", false},
    {"gzip;q=1.001", false},
    {"gzip;q=-1", false},
    {"gzip;q=0.1234", false},
    {"gzip;q=.5", false},
    {"gzip;q=1x", false},
    {"gzip;q=0,5", false},
    {"gzip;q=\"1\"", false},
    {"gzip;q= 1", false},
    {"gzip;q", false},
    {"gzip;q=", false},
    {"gzip;", false},
    {"gzip;level=9", false},
    {"gzip;q=1;q=1", false},
    {"gzip deflate", false},
    {"gzipped", false},
    {"gzi", false},
    {"\"gzip\"", false},
    {";q=1", false},
    {"**", false},
    {"=;,=;,", false},
};

static void accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (encoding_accepts_gzip(slice_of(fields[i].field)) != fields[i].gzip)
            fail_msg("\"%s\": not %d", fields[i].field, fields[i].gzip);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comes_back),
        TEST(is_appended),
        TEST(never_larger),
        TEST(smaller_by_one),
        TEST(is_the_same_each_time),
        TEST(level_counts),
        TEST(unused_encoder),
        TEST(types),
        TEST(lengths_and_switch),
        TEST(accepts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
