#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/proxyline.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define MARK         "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(text)  (text), sizeof(text) - 1

enum { BOTH = PROXYLINE_V1 | PROXYLINE_V2 };

static struct slice bytes_of(const char *at, size_t len)
{
    return (struct slice){at, len};
}

/* Without a NUL behind. */
static void put(char *to, const char *bytes, size_t len)
{
    while (len-- > 0)
        *to++ = *bytes++;
}

/* ---- good ones -----------------------------------------------------------*/

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    const char *client; /* null: not known */
    bool secure;
} good[] = {
    {"v4", BYTES("PROXY TCP4 192.0.2.7 198.51.100.1 49152 443\r\n"),
     "192.0.2.7", false},
    {"v4, largest",
     BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
     "255.255.255.255", false},
    {"v6", BYTES("PROXY TCP6 2001:db8::7 ::1 1 0\r\n"), "2001:db8::7", false},
    {"v6, a mapped one",
     BYTES("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 1 2\r\n"), "192.0.2.7",
     false},
    {"unknown", BYTES("PROXY UNKNOWN\r\n"), NULL, false},
    {"unknown, and more", BYTES("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), NULL,
     false},
    {"binary v4",
     BYTES(MARK "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x00\x01"
                "\xbb"),
     "192.0.2.7", false},
    {"binary v6",
     BYTES(MARK "\x21\x21\x00\x24"
                "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\x02\x03\x04"),
     "2001:db8::7", false},
    {"binary local", BYTES(MARK "\x20\x00\x00\x00"), NULL, false},
    {"binary local, with what is ignored",
     BYTES(MARK "\x20\x11\x00\x03"
                "abc"),
     NULL, false},
    {"binary without a family",
     BYTES(MARK "\x21\x00\x00\x02"
                "ab"),
     NULL, false},
    {"binary datagrams",
     BYTES(MARK "\x21\x12\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x00\x01"
                "\xbb"),
     NULL, false},
    {"binary TLS",
     BYTES(MARK "\x21\x11\x00\x1b\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x00\x01"
                "\xbb\x04\x00\x01z\x20\x00\x08\x01\0\0\0\0\x21\x00\x00"),
     "192.0.2.7", true},
    {"binary without TLS, but with its TLV",
     BYTES(MARK "\x21\x11\x00\x14\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x00\x01"
                "\xbb\x20\x00\x05\x06\0\0\0\0"),
     "192.0.2.7", false},
};

static void read_good(const char *name, struct slice bytes, size_t used,
                      struct proxyline *out)
{
    enum proxyline_step step = proxyline_read(bytes, BOTH, out);

    if (step != PROXYLINE_DONE || out->used != used)
        fail_msg("%s: %d, %zu bytes", name, step, out->used);
}

/* Whatever of it has come, more is waited for; and what comes behind it is
 * left. */
static void good_ones(void **state)
{
    char room[512];

    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct proxyline line;
        char text[IP_TEXT] = "";
        for (size_t n = 0; n < good[i].len; n++)
            if (proxyline_read(bytes_of(good[i].bytes, n), BOTH, &line) !=
                PROXYLINE_MORE)
                fail_msg("%s: after %zu bytes", good[i].name, n);
        read_good(good[i].name, bytes_of(good[i].bytes, good[i].len),
                  good[i].len, &line);
        put(room, good[i].bytes, good[i].len);
        put(room + good[i].len, "GET /", 5);
        read_good(good[i].name, bytes_of(room, good[i].len + 5), good[i].len,
                  &line);
        assert_int_equal(line.known, good[i].client != NULL);
        assert_int_equal(line.secure, good[i].secure);
        if (!line.known)
            continue;
        ip_text(&line.client, text);
        assert_string_equal(text, good[i].client);
    }
}

/* ---- bad ones ------------------------------------------------------------*/

static const struct {
    const char *bytes;
    size_t len;
} bad[] = {
    {BYTES("PROXY \r\n")},
    {BYTES("PROXY TCP4\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.5 1\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.5 1 2 3\r\n")},
    {BYTES("PROXY TCP4  1.2.3.4 1.2.3.5 1 2\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.5 1 2 \r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.5 1 65536\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.5 1 -1\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.5 -0 1\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 1.2.3.5 1 23\n")},
    {BYTES("PROXY TCP4 ::1 ::2 1 2\r\n")},
    {BYTES("PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n")},
    {BYTES("PROXY TCP4 1.2.3.4 nonsense 1 2\r\n")},
    {BYTES("PROXY UDP4 1.2.3.4 1.2.3.5 1 2\r\n")},
    {BYTES("PROXY tcp4 1.2.3.4 1.2.3.5 1 2\r\n")},
    {BYTES("PROXY UNKNOWNx\r\n")},
    {BYTES(MARK "\x11\x11\x00\x00")},
    {BYTES(MARK "\x22\x11\x00\x00")},
    {BYTES(MARK "\x21\x41\x00\x00")},
    {BYTES(MARK "\x21\x13\x00\x00")},
    {BYTES(MARK "\x21\x11\x00\x00")},
    {BYTES(MARK
           "\x21\x11\x00\x0b\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x00\x01")},
    {BYTES(MARK "\x21\x21\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x00\x01"
                "\xbb")},
    {BYTES(MARK "\x21\x11\x08\x01")}, /* a byte more than is read */
    {BYTES(MARK "\x21\x11\x00\x0d\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x00\x01"
                "\xbb\x04")},
    {BYTES(MARK "\x21\x11\x00\x10\xc0\x00\x02\x07\xc6\x33\x64\x01\xc0\x00\x01"
                "\xbb\x04\x00\x02z")},
};

static void bad_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct proxyline line;
        if (proxyline_read(bytes_of(bad[i].bytes, bad[i].len), BOTH, &line) !=
            PROXYLINE_BAD)
            fail_msg("bad %zu is not", i);
    }
}

static void endless(void **state)
{
    char line[PROXYLINE_V1_MAX + 2];
    struct proxyline out;

    (void)state;
    memset(line, 'x', sizeof line);
    put(line, "PROXY UNKNOWN ", 14);
    put(line + PROXYLINE_V1_MAX - 2, "\r\n", 2);
    assert_int_equal(
        proxyline_read(bytes_of(line, PROXYLINE_V1_MAX - 1), BOTH, &out),
        PROXYLINE_MORE);
    assert_int_equal(
        proxyline_read(bytes_of(line, PROXYLINE_V1_MAX), BOTH, &out),
        PROXYLINE_DONE);
    memset(line + 14, 'x', sizeof line - 14);
    put(line + PROXYLINE_V1_MAX - 1, "\r\n", 2);
    assert_int_equal(
        proxyline_read(bytes_of(line, PROXYLINE_V1_MAX), BOTH, &out),
        PROXYLINE_BAD);
}

static void longest(void **state)
{
    static char room[PROXYLINE_V2_MAX] = MARK "\x21\x11\x08\x00";
    struct proxyline out;

    (void)state;
    put(room + 28, "\x04\x07\xf1", 3); /* one TLV takes the rest */
    assert_int_equal(proxyline_read(bytes_of(room, sizeof room), BOTH, &out),
                     PROXYLINE_DONE);
    assert_int_equal(out.used, PROXYLINE_V2_MAX);
}

static void others(void **state)
{
    static const char *const openings[] = {
        "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\n", "PROPFIND / HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n", "PROXYTCP4",           "proxy TCP4 ",
        "\r\nGET /",          "\r\n\r\nGET",         "\x16\x03\x01",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(openings); i++) {
        struct proxyline out;
        if (proxyline_read(slice_of(openings[i]), BOTH, &out) !=
            PROXYLINE_ABSENT)
            fail_msg("%s", openings[i]);
    }
}

static void versions(void **state)
{
    struct slice v1 = slice_of("PROXY UNKNOWN\r\n");
    struct slice v2 = bytes_of(MARK "\x20\x00\x00\x00", 16);
    struct proxyline out;

    (void)state;
    assert_int_equal(proxyline_versions("auto"), BOTH);
    assert_int_equal(proxyline_versions("v1"), PROXYLINE_V1);
    assert_int_equal(proxyline_versions("v2"), PROXYLINE_V2);
    assert_int_equal(proxyline_versions("off"), 0);
    assert_int_equal(proxyline_versions(NULL), 0);
    assert_int_equal(proxyline_read(v1, PROXYLINE_V2, &out), PROXYLINE_ABSENT);
    assert_int_equal(proxyline_read(v2, PROXYLINE_V1, &out), PROXYLINE_ABSENT);
    assert_int_equal(proxyline_read(v1, PROXYLINE_V1, &out), PROXYLINE_DONE);
    assert_int_equal(proxyline_read(v2, PROXYLINE_V2, &out), PROXYLINE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones), cmocka_unit_test(bad_ones),
        cmocka_unit_test(endless),   cmocka_unit_test(longest),
        cmocka_unit_test(others),    cmocka_unit_test(versions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
