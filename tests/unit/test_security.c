#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/security.h"

#define NOSNIFF "X-Content-Type-Options: nosniff\r\n"
#define HSTS    "Strict-Transport-Security: max-age=15552000\r\n"
#define FRAMES  "X-Frame-Options: SAMEORIGIN\r\n"
#define REFERER "Referrer-Policy: strict-origin-when-cross-origin\r\n"

static const struct settings on = {.security_headers = "on"};
static const struct settings off = {.security_headers = "off",
                                    .content_security_policy = "x"};
static const struct settings strict = {.security_headers = "on",
                                       .content_security_policy =
                                           "default-src 'self'; img-src *"};
static const struct settings none = {.security_headers = "on",
                                     .content_security_policy = ""};

static void every_is(const struct settings *s, bool secure, const char *wanted)
{
    struct buf out = {0};

    security_every(s, secure, &out);
    assert_string_equal(buf_text(&out), wanted);
    buf_free(&out);
}

/* RFC 6797, 7.2: what is said over http is not to be believed. */
static void on_every_answer(void **state)
{
    (void)state;
    every_is(&on, false, NOSNIFF);
    every_is(&on, true, NOSNIFF HSTS);
    every_is(&strict, false, NOSNIFF);
    every_is(&off, false, "");
    every_is(&off, true, "");
}

static void page_is(const struct settings *s, const char *wanted)
{
    struct buf out = {0};

    security_page(s, &out);
    assert_string_equal(buf_text(&out), wanted);
    buf_free(&out);
}

static void on_pages(void **state)
{
    (void)state;
    page_is(&strict, FRAMES REFERER "Content-Security-Policy: "
                                    "default-src 'self'; img-src *\r\n");
    page_is(&none, FRAMES REFERER);
    page_is(&on, FRAMES REFERER); /* unset is none, too */
    page_is(&off, "");
}

/* They stand beside what is there already. */
static void are_added(void **state)
{
    struct buf out = {0};

    (void)state;
    buf_string(&out, "A: b\r\n");
    security_every(&on, false, &out);
    security_page(&none, &out);
    assert_string_equal(buf_text(&out), "A: b\r\n" NOSNIFF FRAMES REFERER);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_every_answer),
        cmocka_unit_test(on_pages),
        cmocka_unit_test(are_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
