#include "tests/unit/ask.h"

#include <stdlib.h>

#include "worker/http/answer.h"

enum { BODY = 600, MIN_LENGTH = 500 };

static struct {
    struct encoder *encoder;
    char body[BODY];
    struct buf gzip;
    struct answer answer; /* of that body, with both forms */
    char gzip_tag[ANSWER_TAG + 4];
    struct response res;
    struct ask ask;
} the;

static void begin(void)
{
    response_reset(&the.res);
    response_header(&the.res, "X-First", SLICE("1"));
}

/* A response that holds the body, and the answer made of it. */
static struct answer take(const char *type, size_t len, struct encoder *e)
{
    struct answer a;

    response_reset(&the.res);
    the.res.type = type;
    buf_add(&the.res.body, the.body, len);
    answer_take(&a, &the.res, e);
    return a;
}

static int set_up(void **state)
{
    static const struct encoding_config config = {
        .on = true, .min_length = MIN_LENGTH, .level = 6};

    (void)state;
    the.encoder = encoder_new(&config);
    response_init(&the.res);
    for (size_t i = 0; i < BODY; i++)
        the.body[i] = "0123456789ab"[i * i % 12];
    the.answer = take("application/json", BODY, the.encoder);
    the.answer.body.ptr = the.body;
    the.answer.headers = SLICE("X-Common: 2\r\n");
    assert_true(encoder_gzip(the.encoder, the.answer.body, &the.gzip));
    the.answer.gzip = buf_view(&the.gzip);
    snprintf(the.gzip_tag, sizeof the.gzip_tag, "%.17s-gz\"", the.answer.tag);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    encoder_free(the.encoder);
    buf_free(&the.gzip);
    response_free(&the.res);
    ask_free(&the.ask);
    return 0;
}

/* The text with "T" and "G" in quotes replaced by the two tags. */
static const char *with_tags(const char *text)
{
    static char out[512];
    size_t len = 0;

    for (; *text; text++) {
        bool is_tag =
            strncmp(text, "\"T\"", 3) == 0 || strncmp(text, "\"G\"", 3) == 0;
        int n = is_tag
                    ? snprintf(out + len, sizeof out - len, "%s",
                               text[1] == 'T' ? the.answer.tag : the.gzip_tag)
                    : snprintf(out + len, sizeof out - len, "%c", *text);
        len += (size_t)n;
        text += is_tag ? 2 : 0;
        assert_true(len < sizeof out);
    }
    return out;
}

/* Which form, or none, and what stands above it. */
enum form_given { NOTHING, IDENTITY, GZIP, PROBLEM };

struct expected {
    const char *fields; /* of the request, with "T" and "G" for tags */
    int status;
    enum form_given form;
    const char *headers; /* exactly, likewise */
};

#define ABOVE   "X-First: 1\r\nX-Common: 2\r\n"
#define T       ABOVE "ETag: \"T\"\r\n"
#define G       ABOVE "ETag: \"G\"\r\n"
#define ZIPPED  G "Content-Encoding: gzip\r\n"
#define REFUSED "Cache-Control: no-store\r\n"
#define ACCEPTS "Accept-Encoding: br, gzip\r\n"

static bool has_form(enum form_given form)
{
    struct slice body = response_body(&the.res);

    switch (form) {
    case NOTHING: return body.len == 0 && the.res.type == NULL;
    case IDENTITY: return slice_equal(body, the.answer.body);
    case GZIP: return slice_equal(body, buf_view(&the.gzip));
    case PROBLEM:
    default:
        return body.len > 0 &&
               slice_is(slice_of(the.res.type), "application/problem+json");
    }
}

static void expect(const struct answer *a, const struct expected *e)
{
    const struct request *req =
        ask(&the.ask,
            &(struct asked){.line = "GET /", .fields = with_tags(e->fields)});

    begin();
    answer_give(a, answer_choose(a, req), &the.res);
    const char *headers = buf_text(&the.res.headers);
    if (the.res.status != e->status || !has_form(e->form) ||
        strcmp(headers, with_tags(e->headers)) != 0)
        fail_msg("%s: %d, %zu bytes\n%s", e->fields, the.res.status,
                 response_body(&the.res).len, headers);
}

static void expect_all(const struct answer *a, const struct expected *cases,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(a, &cases[i]);
}

#define EXPECT(a, cases) expect_all(a, cases, sizeof(cases) / sizeof *(cases))

static void both_forms(void **state)
{
    static const struct expected cases[] = {
        {"", 200, IDENTITY, T},
        {ACCEPTS, 200, GZIP, ZIPPED},
        {"Accept-Encoding: gzip;q=0\r\n", 200, IDENTITY, T},
        {"Accept-Encoding: br\r\n", 200, IDENTITY, T},
        {"If-None-Match: \"T\"\r\n", 304, NOTHING, T},
        {"If-None-Match: W/\"T\"\r\n", 304, NOTHING, T},
        {"If-None-Match: \"a,b\", \"T\"\r\n", 304, NOTHING, T},
        {"If-None-Match: \"a\"\r\nIf-None-Match: \"T\"\r\n", 304, NOTHING, T},
        {"If-None-Match: *\r\n", 304, NOTHING, T},
        {"If-None-Match: \"G\"\r\n", 200, IDENTITY, T},
        {"If-None-Match: T\r\n", 200, IDENTITY, T},
        {ACCEPTS "If-None-Match: \"G\"\r\n", 304, NOTHING, G},
        {ACCEPTS "If-None-Match: \"T\", W/\"G\"\r\n", 304, NOTHING, G},
        {ACCEPTS "If-None-Match: \"T\"\r\n", 200, GZIP, ZIPPED},
        {"If-Match: \"T\"\r\n", 200, IDENTITY, T},
        {"If-Match: *\r\n", 200, IDENTITY, T},
        {"If-Match: \"x\"\r\n", 412, PROBLEM, REFUSED},
        {"If-Match: W/\"T\"\r\n", 412, PROBLEM, REFUSED},
        {"If-Match: \"G\"\r\n", 412, PROBLEM, REFUSED},
        {ACCEPTS "If-Match: \"G\"\r\n", 200, GZIP, ZIPPED},
        {"If-Match: \"T\"\r\nIf-None-Match: \"T\"\r\n", 304, NOTHING, T},
        {"If-Match: \"x\"\r\nIf-None-Match: \"T\"\r\n", 412, PROBLEM, REFUSED},
        /* There is no date to compare with. */
        {"If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT\r\n", 200, IDENTITY,
         T},
        {"Range: bytes=0-1\r\n", 200, IDENTITY, T},
    };

    (void)state;
    EXPECT(&the.answer, cases);
    assert_string_equal(the.res.type, "application/json");
}

/* Compressed when somebody wants it, and not made yet. */
static void gzip_not_made(void **state)
{
    static const struct expected cases[] = {
        {ACCEPTS, 200, IDENTITY, T},
        {ACCEPTS "If-None-Match: \"G\"\r\n", 304, NOTHING, G},
        {ACCEPTS "If-None-Match: \"T\"\r\n", 200, IDENTITY, T},
    };
    struct answer a = the.answer;

    (void)state;
    a.gzip = (struct slice){NULL, 0};
    EXPECT(&a, cases);
}

static void does_not_shrink(void **state)
{
    static const struct expected cases[] = {
        {ACCEPTS, 200, IDENTITY, T},
        {ACCEPTS "If-None-Match: \"T\"\r\n", 304, NOTHING, T},
        {ACCEPTS "If-None-Match: \"G\"\r\n", 200, IDENTITY, T},
    };
    struct answer a = the.answer;

    (void)state;
    a.shrinks = false;
    EXPECT(&a, cases);
}

static void own_status(void **state)
{
    static const struct expected cases[] = {
        {"", 203, IDENTITY, T},
        {"If-None-Match: \"T\"\r\n", 304, NOTHING, T},
    };
    struct answer a = the.answer;

    (void)state;
    a.status = 203;
    EXPECT(&a, cases);
}

/* What lies in the response already is not copied onto itself. */
static void body_in_place(void **state)
{
    struct answer a = take("text/csv", BODY, the.encoder);
    const struct request *req = ask(&the.ask, &(struct asked){.line = "GET /"});

    (void)state;
    answer_give(&a, answer_choose(&a, req), &the.res);
    assert_ptr_equal(response_body(&the.res).ptr, a.body.ptr);
    assert_int_equal(response_body(&the.res).len, BODY);
    assert_memory_equal(a.body.ptr, the.body, BODY);
    req = ask(&the.ask, &(struct asked){.line = "GET /", .fields = ACCEPTS});
    a.gzip = buf_view(&the.gzip);
    answer_give(&a, answer_choose(&a, req), &the.res);
    assert_true(has_form(GZIP));
}

static void tags(void **state)
{
    struct answer a = take("application/json", BODY, the.encoder);
    struct answer same = take("text/csv", BODY, NULL);
    struct answer shorter = take("application/json", BODY - 1, the.encoder);

    (void)state;
    assert_int_equal(strlen(a.tag), 18);
    assert_int_equal(strspn(a.tag + 1, "0123456789abcdef"), 16);
    assert_true(a.tag[0] == '"' && a.tag[17] == '"');
    assert_string_equal(a.tag, same.tag); /* the bytes alone count */
    assert_string_not_equal(a.tag, shorter.tag);
    the.body[7] ^= 1;
    same = take("application/json", BODY, the.encoder);
    assert_string_not_equal(a.tag, same.tag);
    assert_int_equal(strlen(take("text/csv", 0, NULL).tag), 18);
}

static void worth_compressing(void **state)
{
    (void)state;
    assert_true(take("application/json", MIN_LENGTH, the.encoder).shrinks);
    assert_false(take("application/json", MIN_LENGTH - 1, the.encoder).shrinks);
    assert_false(take("image/png", BODY, the.encoder).shrinks);
    assert_false(take("application/json", BODY, NULL).shrinks);
}

/* ---- answers without a tag ---- */

static void fill_randomly(void)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < BODY; i++) {
        seed = seed * 1664525 + 1013904223;
        the.body[i] = (char)(seed >> 24);
    }
}

static void compressed_at_once(void **state)
{
    static const struct {
        const char *type;
        size_t len;
        const char *fields;
        bool varies, zipped, random, no_encoder;
    } cases[] = {
        {"application/json", BODY, ACCEPTS, .varies = true, .zipped = true},
        {"application/json", BODY, "", .varies = true},
        {"application/json", BODY, "Accept-Encoding: gzip;q=0\r\n",
         .varies = true},
        {"application/json", MIN_LENGTH - 1, ACCEPTS, .varies = false},
        {"image/png", BODY, ACCEPTS, .varies = false},
        {NULL, BODY, ACCEPTS, .varies = false},
        {"application/json", BODY, ACCEPTS, .no_encoder = true},
        {"text/plain", BODY, ACCEPTS, .varies = true, .random = true},
    };
    struct buf room = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].random)
            fill_randomly();
        take(cases[i].type, cases[i].len, NULL);
        const struct request *req =
            ask(&the.ask,
                &(struct asked){.line = "GET /", .fields = cases[i].fields});
        assert_int_equal(
            answer_compress(&the.res, req,
                            cases[i].no_encoder ? NULL : the.encoder, &room),
            cases[i].varies);
        assert_string_equal(buf_text(&the.res.headers),
                            cases[i].zipped ? "Content-Encoding: gzip\r\n"
                                            : "");
        struct slice plain = {the.body, cases[i].len};
        assert_true(slice_equal(response_body(&the.res),
                                cases[i].zipped ? buf_view(&the.gzip) : plain));
    }
    buf_free(&room);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(both_forms),        ON_STAGE(gzip_not_made),
        ON_STAGE(does_not_shrink),   ON_STAGE(own_status),
        ON_STAGE(body_in_place),     ON_STAGE(tags),
        ON_STAGE(worth_compressing), ON_STAGE(compressed_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
