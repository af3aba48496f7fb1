#include "tests/unit/pantry.h"

static const char accepts[] = "Accept-Encoding: gzip\r\n";

/* Asks, finds and gives; what kept_give says of it. */
static bool give(const char *fields)
{
    ask_for("GET /rated", fields);
    assert_int_equal(look(), KEPT_FRESH);
    return kept_give(the.kept, &the.key, &the.found, &troupe.part.call);
}

static void expect(int status, bool compressed, size_t len)
{
    struct part *p = &troupe.part;

    assert_int_equal(p->res.status, status);
    assert_int_equal(p->trace.compressed, compressed);
    assert_string_equal(part_header(p, "Vary"), "Accept, Accept-Encoding");
    assert_int_equal(response_body(&p->res).len, len);
}

/* Lengths of the two forms of the body's first BODY bytes. */
static size_t gzip_length(void)
{
    struct buf gzip = {0};
    struct slice body = {the.body, BODY};

    encoder_gzip(troupe.anna.encoder, body, &gzip);
    size_t len = gzip.len;
    buf_free(&gzip);
    return len;
}

static void as_it_was(void **state)
{
    struct part *p = &troupe.part;

    (void)state;
    assert_true(keep(BODY));
    assert_true(give(NULL));
    expect(200, false, BODY);
    assert_memory_equal(response_body(&p->res).ptr, the.body, BODY);
    assert_string_equal(p->res.type, "application/json");
    assert_string_equal(part_header(p, "ETag"), "\"0123456789abcdef\"");
    assert_string_equal(part_header(p, "Content-Encoding"), "");
}

static void other_status_and_form(void **state)
{
    struct answer a = an_answer(0);
    const struct kept_item item = {&the.key, &a, FORM_CSV};

    (void)state;
    a.status = 203;
    a.headers.len = 0;
    assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
    assert_true(kept_store(the.kept, &the.policy, &item, the.now_ms));
    assert_true(give(NULL));
    assert_int_equal(troupe.part.res.status, 203);
    assert_string_equal(troupe.part.res.type, form_type(FORM_CSV));
    assert_int_equal(response_body(&troupe.part.res).len, 0);
}

/* By the first who wants it so; both forms are kept from then on, and for
 * other workers too. */
static void compressed_once(void **state)
{
    struct kept *other = open_kept(troupe.ben.db, troupe.ben.encoder);
    struct kept *own = the.kept;

    (void)state;
    assert_true(keep(BODY));
    uint64_t puts = troupe_stats().puts;
    assert_true(give(accepts));
    expect(200, true, gzip_length());
    assert_int_equal(troupe_stats().puts, puts + 1);
    for (int i = 0; i < 3; i++) {
        the.kept = i % 2 ? own : other;
        assert_true(give(accepts));
        expect(200, false, gzip_length());
        assert_string_equal(part_header(&troupe.part, "Content-Encoding"),
                            "gzip");
        assert_string_equal(part_header(&troupe.part, "ETag"),
                            "\"0123456789abcdef-gz\"");
        assert_true(give("Accept-Encoding: br\r\n"));
        expect(200, false, BODY);
        assert_memory_equal(response_body(&troupe.part.res).ptr, the.body,
                            BODY);
    }
    assert_int_equal(troupe_stats().puts, puts + 1);
    the.kept = own;
    kept_free(other);
}

/* Nothing is compressed for those who get no body. */
static void not_modified(void **state)
{
    static const char *const fields[] = {
        "If-None-Match: \"0123456789abcdef\"\r\n",
        "Accept-Encoding: gzip\r\nIf-None-Match: \"0123456789abcdef-gz\"\r\n",
        "If-None-Match: *\r\n",
    };

    (void)state;
    assert_true(keep(BODY));
    uint64_t puts = troupe_stats().puts;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        assert_true(give(fields[i]));
        expect(304, false, 0);
        assert_null(troupe.part.res.type);
    }
    assert_true(give("If-Match: \"x\"\r\n"));
    assert_int_equal(troupe.part.res.status, 412);
    assert_int_equal(troupe_stats().puts, puts);
}

/* What turned out not to shrink is not tried again. */
static void does_not_shrink(void **state)
{
    uint32_t seed = 1;

    (void)state;
    for (size_t i = 0; i < BODY; i++) {
        seed = seed * 1664525 + 1013904223;
        the.body[i] = (char)(seed >> 24);
    }
    assert_true(keep(BODY));
    uint64_t puts = troupe_stats().puts;
    for (int i = 0; i < 3; i++) {
        assert_true(give(accepts));
        expect(200, i == 0, BODY);
        assert_string_equal(part_header(&troupe.part, "ETag"),
                            "\"0123456789abcdef\"");
        assert_string_equal(part_header(&troupe.part, "Content-Encoding"), "");
    }
    assert_int_equal(troupe_stats().puts, puts + 1);
}

/* Gone between looking and copying: nothing of it is shown. */
static void overwritten(void **state)
{
    static const struct {
        const char *fields;
        bool made; /* the gzip form was, before */
    } cases[] = {
        {NULL, false},
        {NULL, true},
        {accepts, false},
        {accepts, true},
        {"If-None-Match: *\r\n", false},
        {"If-Match: \"x\"\r\n", false},
    };
    struct part *p = &troupe.part;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(keep(BODY));
        if (cases[i].made)
            assert_true(give(accepts));
        ask_for("GET /rated", cases[i].fields);
        assert_int_equal(look(), KEPT_FRESH);
        cache_empty(troupe.shared.cache);
        assert_false(kept_give(the.kept, &the.key, &the.found, &p->call));
        assert_int_equal(p->res.headers.len, 0);
        assert_int_equal(response_body(&p->res).len, 0);
        assert_int_equal(look(), KEPT_NONE);
    }
}

/* Another worker has put a newer answer there, while this one's is still
 * whole: the newer one stays. */
static void replaced(void **state)
{
    (void)state;
    assert_true(keep(BODY));
    ask_for("GET /rated", accepts);
    assert_int_equal(look(), KEPT_FRESH);
    assert_true(keep(BODY - 1));
    uint64_t puts = troupe_stats().puts;
    assert_true(kept_give(the.kept, &the.key, &the.found, &troupe.part.call));
    expect(200, true, gzip_length());
    assert_int_equal(troupe_stats().puts, puts);
    assert_true(give(NULL));
    expect(200, false, BODY - 1);
}

/* After a reload with other settings. */
static void encoders_apart(void **state)
{
    static const struct encoding_config off = {
        .on = false, .min_length = 1, .level = 6};
    struct encoder *encoders[] = {encoder_new(&off), NULL};
    struct kept *own = the.kept;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_true(keep(BODY));
        the.kept = open_kept(troupe.anna.db, encoders[i]);
        ask_for("GET /rated", accepts);
        assert_int_equal(look(), i == 0 ? KEPT_NONE : KEPT_FRESH);
        struct answer a = an_answer(BODY);
        a.shrinks = false;
        const struct kept_item item = {&the.key, &a, FORM_JSON};
        assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
        assert_true(kept_store(the.kept, &the.policy, &item, the.now_ms));
        assert_true(give(accepts));
        expect(200, false, BODY);
        kept_free(the.kept);
        the.kept = own;
        assert_true(give(accepts));
        expect(200, true, gzip_length());
    }
    encoder_free(encoders[0]);
}

/* RFC 9211 */
static void cache_status(void **state)
{
    static const struct {
        enum cache_outcome cache;
        bool stored;
        int64_t left_ms;
        const char *said;
    } cases[] = {
        {CACHE_NONE, false, 5000, ""},
        {CACHE_HIT, false, 5999, "prong; hit; ttl=5"},
        {CACHE_HIT, false, 999, "prong; hit; ttl=0"},
        {CACHE_STALE, false, 0, "prong; hit; ttl=0"},
        {CACHE_STALE, false, -1, "prong; hit; ttl=-1"},
        {CACHE_STALE, false, -1001, "prong; hit; ttl=-2"},
        {CACHE_COLLAPSED, false, 9000, "prong; fwd=uri-miss; collapsed"},
        {CACHE_MISS, true, 0, "prong; fwd=uri-miss; stored"},
        {CACHE_MISS, false, 0, "prong; fwd=uri-miss"},
        {CACHE_OUTDATED, true, 0, "prong; fwd=stale; detail=outdated; stored"},
        {CACHE_OUTDATED, false, 0, "prong; fwd=stale; detail=outdated"},
        {CACHE_EXPIRED, true, 0, "prong; fwd=stale; stored"},
    };
    struct part *p = &troupe.part;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask_for("GET /rated", NULL);
        p->trace.cache = cases[i].cache;
        p->trace.stored = cases[i].stored;
        kept_say(&p->call, cases[i].left_ms);
        assert_string_equal(part_header(p, "Cache-Status"), cases[i].said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PANTRY(as_it_was),       IN_PANTRY(other_status_and_form),
        IN_PANTRY(compressed_once), IN_PANTRY(not_modified),
        IN_PANTRY(does_not_shrink), IN_PANTRY(overwritten),
        IN_PANTRY(replaced),        IN_PANTRY(encoders_apart),
        IN_PANTRY(cache_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
