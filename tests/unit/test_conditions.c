#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ask.h"
#include "worker/http/conditions.h"

/* The tag of what is there; its gzip form's is "a,b-gz". */
#define TAG       "\"a,b\""
#define GZIP      "\"a,b-gz\""
#define IM        "If-Match: "
#define INM       "If-None-Match: "
#define END       "\r\n"
#define MODIFIED  "Wed, 01 Jan 2020 12:00:00 GMT"
#define EARLIER   "Wed, 01 Jan 2020 11:59:59 GMT"
#define LATER     "Wed, 01 Jan 2020 12:00:01 GMT"
#define SINCE     "If-Modified-Since: "
#define NOT_SINCE "If-Unmodified-Since: "

static struct ask asker;

static const struct request *with(const char *line, const char *fields)
{
    return ask(&asker, &(struct asked){.line = line, .fields = fields});
}

static int tear_down(void **state)
{
    (void)state;
    ask_free(&asker);
    return 0;
}

/* ---- reads ---------------------------------------------------------------*/

static const struct {
    const char *fields;
    int status;
} reads[] = {
    {"", 200},
    {"Range: bytes=0-1" END "Accept: */*" END, 200},
    {INM TAG END, 304},
    {INM "W/" TAG END, 304},
    {INM "*" END, 304},
    {INM " * " END, 304},
    {"if-none-match:" TAG END, 304},
    {INM GZIP END, 200}, /* that is another form */
    {INM "\"a\"" END, 200},
    {INM "\"b\"" END, 200},
    {INM "\"A,B\"" END, 200},
    {INM "\"\"" END, 200},
    {INM END, 200},
    /* lists */
    {INM "\"x\", " TAG END, 304},
    {INM "\"x\",W/" TAG ",\"y\"" END, 304},
    {INM ", ,\t\"x\" ,, " TAG " ," END, 304},
    {INM "\"x,y\", \"z, \", " TAG END, 304},
    {INM "\"x\", \"y\"" END, 200},
    {INM "\"x " TAG " y\"" END, 200}, /* not one tag, but no list either */
    /* on several lines */
    {INM "\"x\"" END INM TAG END, 304},
    {INM TAG END INM "\"x\"" END, 304},
    {INM "\"x\"" END "Accept: */*" END INM "\"y\"" END INM "W/" TAG END, 304},
    {INM "\"x\"" END INM "\"y\"" END, 200},
    {INM "\"a" END INM "b\"" END, 200},
    /* what is no tag */
    {INM "a,b" END, 200},
    {INM "w/" TAG END, 200},
    {INM "W/ " TAG END, 200},
    {INM "W/" END, 200},
    {INM "W/\"" END, 200},
    {INM "\"" END, 200},
    {INM "\"a,b" END, 200},
    {INM "\"x\", *" END, 200},
    {INM "x, " TAG END, 304},
    /* If-Match */
    {IM TAG END, 200},
    {IM "*" END, 200},
    {IM "\"x\", " TAG END, 200},
    {IM "\"x\"" END IM TAG END, 200},
    {IM "W/" TAG END, 412},
    {IM "W/" TAG ", " TAG END, 200},
    {IM "\"x\"" END, 412},
    {IM GZIP END, 412},
    {IM "\"x\", *" END, 412},
    {IM END, 412},
    {IM TAG END INM TAG END, 304},
    {IM "\"x\"" END INM TAG END, 412},
    /* a representation without a date has nothing to compare with */
    {SINCE LATER END, 200},
    {NOT_SINCE EARLIER END, 200},
};

static void tags_of_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        const char *f = reads[i].fields;
        int status = conditions_tag(with("GET /", f), SLICE(TAG));
        int head = conditions_tag(with("HEAD /", f), SLICE(TAG));
        if (status != reads[i].status || head != status)
            fail_msg("%s: %d and %d, not %d", f, status, head, reads[i].status);
    }
}

/* A tag silences the date beside it, whatever it says. */
static void dates_of_reads(void **state)
{
    static const struct validators v = {TAG, MODIFIED, 1577880000};
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {SINCE MODIFIED END, 304},
        {SINCE LATER END, 304},
        {SINCE EARLIER END, 200},
        {SINCE "Wednesday, 01-Jan-20 12:00:00 GMT" END, 304},
        {SINCE "Wed Jan  1 12:00:00 2020" END, 304},
        {SINCE "Wed Jan  1 11:00:00 2020" END, 200},
        {SINCE "2020-01-01" END, 200},
        {SINCE END, 200},
        {SINCE EARLIER END SINCE LATER END, 200}, /* the first */
        {NOT_SINCE MODIFIED END, 200},
        {NOT_SINCE EARLIER END, 412},
        {NOT_SINCE "never" END, 200},
        {NOT_SINCE EARLIER END SINCE LATER END, 412},
        {INM "\"x\"" END SINCE MODIFIED END, 200},
        {SINCE EARLIER END INM TAG END, 304},
        {SINCE MODIFIED END INM END, 200},
        {IM TAG END NOT_SINCE EARLIER END, 200},
        {IM "\"x\"" END NOT_SINCE LATER END, 412},
        {IM TAG END SINCE LATER END, 304},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span part;
        const struct request *req = with("GET /", cases[i].fields);
        int status = conditions_judge(req, &v, 10, &part);
        if (status != cases[i].status)
            fail_msg("%s: %d, not %d", cases[i].fields, status,
                     cases[i].status);
        assert_int_equal(part.from, 0);
        assert_int_equal(part.length, 10);
    }
}

/* Conditions come before ranges; If-Range decides about these alone. */
static void ranges(void **state)
{
    static const struct validators v = {TAG, MODIFIED, 1577880000};
    static const char range[] = "Range: bytes=2-4" END;
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"", 206},
        {INM "\"x\"" END, 206},
        {INM "\"x\"" END INM TAG END, 304},
        {IM "\"x\"" END, 412},
        {"If-Range: " TAG END, 206},
        {"If-Range: W/" TAG END, 200},
        {"If-Range: " GZIP END, 200},
        {"If-Range: " MODIFIED END, 206},
        {"If-Range: " LATER END, 200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char fields[256];
        struct span part;
        snprintf(fields, sizeof fields, "%s%s", range, cases[i].fields);
        int status = conditions_judge(with("GET /", fields), &v, 10, &part);
        if (status != cases[i].status)
            fail_msg("%s: %d, not %d", fields, status, cases[i].status);
        assert_int_equal(part.from, status == 206 ? 2 : 0);
        assert_int_equal(part.length, status == 206 ? 3 : 10);
    }
}

/* ---- writes --------------------------------------------------------------*/

static void writes(void **state)
{
    /* Whether it goes ahead when the tagged thing is there, when something
     * without a tag is, and when nothing is. */
    static const struct {
        const char *fields;
        bool tagged, untagged, nothing;
    } cases[] = {
        {"", true, true, true},
        {IM TAG END, true, false, false},
        {IM GZIP END, true, false, false},
        {IM "*" END, true, true, false},
        {IM "\"x\", " GZIP END, true, false, false},
        {IM "\"x\"" END IM GZIP END, true, false, false},
        {IM "W/" TAG END, false, false, false},
        {IM "W/" GZIP END, false, false, false},
        {IM "\"x\"" END, false, false, false},
        {IM "\"a,b-gz-gz\"" END, false, false, false},
        {IM "\"a,b-g\"" END, false, false, false},
        {IM "\"-gz\"" END, false, false, false},
        {IM "\"\"" END, false, false, false},
        {IM END, false, false, false},
        {IM "junk" END, false, false, false},
        {INM "*" END, false, false, true},
        {INM TAG END, false, true, true},
        {INM "W/" GZIP END, false, true, true},
        {INM "\"x\"" END, true, true, true},
        {IM TAG END INM "*" END, false, false, false},
        {IM TAG END INM "\"x\"" END, true, false, false},
        {NOT_SINCE EARLIER END, true, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct request *req = with("PUT /a", cases[i].fields);
        bool tagged = conditions_match(req, SLICE(TAG));
        bool untagged = conditions_match(req, SLICE(""));
        bool nothing = conditions_match(req, slice_of(NULL));
        if (tagged != cases[i].tagged || untagged != cases[i].untagged ||
            nothing != cases[i].nothing)
            fail_msg("%s: %d %d %d", cases[i].fields, tagged, untagged,
                     nothing);
    }
}

static void presence(void **state)
{
    static const struct {
        const char *fields;
        bool present;
    } cases[] = {
        {"", false},
        {"Accept: */*" END "Range: bytes=0-1" END, false},
        {SINCE MODIFIED END "If-Range: " TAG END, false},
        {"If-Matched: x" END, false},
        {IM END, true},
        {"Accept: */*" END "IF-MATCH: x" END, true},
        {INM "*" END, true},
        {NOT_SINCE MODIFIED END, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (conditions_present(with("PUT /a", cases[i].fields)) !=
            cases[i].present)
            fail_msg("%s: not %d", cases[i].fields, cases[i].present);
}

/* ---- the rest ------------------------------------------------------------*/

static void gzip_tags(void **state)
{
    char out[CONDITIONS_TAG];
    char longest[CONDITIONS_TAG - 3];
    struct slice tag;

    (void)state;
    tag = conditions_gzip_tag(out, SLICE(TAG));
    assert_true(slice_is(tag, GZIP));
    assert_string_equal(out, GZIP);
    conditions_gzip_tag(out, SLICE("\"\""));
    assert_string_equal(out, "\"-gz\"");
    memset(longest, 'x', sizeof longest);
    longest[0] = longest[sizeof longest - 2] = '"';
    longest[sizeof longest - 1] = '\0';
    tag = conditions_gzip_tag(out, slice_of(longest));
    assert_int_equal(tag.len, CONDITIONS_TAG - 1);
    assert_int_equal(strlen(out), tag.len);
    assert_string_equal(out + tag.len - 5, "x-gz\"");
}

static void dates(void **state)
{
    char out[CONDITIONS_DATE];
    time_t t;

    (void)state;
    conditions_date(784111777, out);
    assert_string_equal(out, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(conditions_read_date(slice_of(out), &t));
    assert_int_equal(t, 784111777);
    assert_true(
        conditions_read_date(SLICE("Sunday, 06-Nov-94 08:49:37 GMT"), &t));
    assert_int_equal(t, 784111777);
    assert_true(conditions_read_date(SLICE("Sun Nov  6 08:49:37 1994"), &t));
    assert_int_equal(t, 784111777);
    assert_false(conditions_read_date(SLICE(""), &t));
    assert_false(
        conditions_read_date(SLICE("Sun, 06 Nov 1994 08:49:37 GMT+1"), &t));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tags_of_reads),
        TEST(dates_of_reads),
        TEST(ranges),
        TEST(writes),
        TEST(presence),
        cmocka_unit_test(gzip_tags),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
