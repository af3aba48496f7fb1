#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/digest.h"

/* FIPS 180-4 examples (NIST "SHA256.pdf"), and the empty text. */
static void test_hex(void **state)
{
    static const struct {
        const char *text;
        const char *hex;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb924"
             "27ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223"
                "b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039"
         "a33ce45964ff2167f6ecedd419db06c1"},
    };
    (void)state;
    for (int round = 0; round < 2; round++) /* the context is used again */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            char hex[DIGEST_HEX];
            digest_hex(slice_of(cases[i].text), hex);
            assert_memory_equal(hex, cases[i].hex, DIGEST_HEX);
        }
}

static void test_same(void **state)
{
    char a[DIGEST_HEX];
    char b[DIGEST_HEX];

    (void)state;
    digest_hex(SLICE("abc"), a);
    digest_hex(SLICE("abc"), b);
    assert_true(digest_same(a, b));
    for (size_t i = 0; i < DIGEST_HEX; i++) {
        b[i] ^= 1;
        assert_false(digest_same(a, b));
        b[i] ^= 1;
    }
}

/* RFC 4648, section 10, and what must not be read as base64. */
static void test_base64(void **state)
{
    static const struct {
        const char *plain;
        const char *coded;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xFB\xEF\xFF", "++//"},
    };
    struct buf b = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_string(&b, "<");
        digest_base64(&b, slice_of(cases[i].plain));
        assert_string_equal(buf_text(&b) + 1, cases[i].coded);
        buf_clear(&b);
        buf_string(&b, "<");
        assert_true(digest_unbase64(&b, slice_of(cases[i].coded)));
        assert_string_equal(buf_text(&b) + 1, cases[i].plain);
        buf_clear(&b);
    }
    buf_free(&b);
}

static void test_not_base64(void **state)
{
    static const char *const bad[] = {
        "Z",    "Zg",   "Zg=",   "Zg==Zg==", "Zg=a", "====",     "=Zg=",
        "Zh==", "Zm9=", "Zm 9v", "Zm9v\n",   "Zm-_", " Zm9vYmE", "Z===",
    };
    struct buf b = {0};

    (void)state;
    buf_string(&b, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(digest_unbase64(&b, slice_of(bad[i])));
        assert_string_equal(buf_text(&b), "kept");
    }
    buf_free(&b);
}

/* Over one piece of the encoder, which is 3 MiB. */
static void test_large_base64(void **state)
{
    size_t size = (7u << 20) + 1;
    struct buf plain = {0};
    struct buf coded = {0};
    struct buf again = {0};

    (void)state;
    digest_random(buf_reserve(&plain, size), size);
    plain.len = size;
    digest_base64(&coded, buf_view(&plain));
    assert_int_equal(coded.len, (size + 2) / 3 * 4);
    assert_true(digest_unbase64(&again, buf_view(&coded)));
    assert_true(slice_equal(buf_view(&plain), buf_view(&again)));
    buf_free(&plain);
    buf_free(&coded);
    buf_free(&again);
}

static void test_random(void **state)
{
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};

    (void)state;
    digest_random(a, sizeof a);
    digest_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),          cmocka_unit_test(test_same),
        cmocka_unit_test(test_base64),       cmocka_unit_test(test_not_base64),
        cmocka_unit_test(test_large_base64), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
