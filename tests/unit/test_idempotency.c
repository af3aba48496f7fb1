#include "scratch.h"

#include "ask.h"

#include <time.h>

#include "common/digest.h"
#include "worker/http/accept.h"
#include "worker/endpoint/idempotency.h"
#include "worker/http/problem.h"

static const struct endpoint create = {.method = METHOD_POST, .path = "/items"};
static const struct endpoint change = {.method = METHOD_PUT,
                                       .path = "/items/{id}"};

static const struct identity nobody = {.known = false};
static const struct identity user_1 = {true, true, 1, "user", false};
static const struct identity user_2 = {true, true, 2, "user", false};
static const struct identity machine = {true, false, 0, "user", false};

/* One worker: its connection, and the request that it is at. */
static struct {
    struct db *db;
    struct idempotency *keys;
    struct ask ask;
    struct response res;
    struct trace trace;
    struct call call;
} here;

static int set_up(void **state)
{
    struct fault fault = {""};

    if (scratch_make(state) != 0)
        return -1;
    const struct scratch *s = *state;
    here.db = must_open(s->path, DB_CREATE);
    must_run(here.db, idempotency_schema);
    must_run(here.db, "CREATE TABLE items(id INTEGER PRIMARY KEY, body)");
    here.keys = idempotency_open(here.db, &fault);
    if (here.keys == NULL)
        fail_msg("%s", fault.text);
    response_init(&here.res);
    return 0;
}

static int tear_down(void **state)
{
    idempotency_close(here.keys);
    db_close(here.db);
    response_free(&here.res);
    ask_free(&here.ask);
    return scratch_remove(state);
}

/* ---- what tests say ------------------------------------------------------*/

/* The request arrives: its response is empty. */
static void arrive(const struct asked *q)
{
    response_reset(&here.res);
    here.trace = (struct trace){.error = COUNT_ERROR_OTHER};
    here.call = (struct call){
        .req = ask(&here.ask, q), .res = &here.res, .trace = &here.trace};
}

static enum idempotent find(const struct endpoint *e,
                            const struct identity *who)
{
    return idempotency_find(here.keys, &here.call, e, who);
}

static enum db_result store(const struct endpoint *e,
                            const struct identity *who)
{
    return idempotency_store(here.keys, &here.call, e, who);
}

/* What an endpoint does: a row for each run, and its number in the answer. */
static void write_item(void)
{
    must_run(here.db, "INSERT INTO items(body) VALUES ('x')");
    here.res.status = 201;
    here.res.type = form_type(FORM_JSON);
    response_header(&here.res, "Cache-Control", SLICE("no-store"));
    response_header(&here.res, "X-Total-Count", SLICE("7"));
    buf_format(&here.res.body, "{\"id\":%d}",
               (int)one_int(here.db, "SELECT max(id) FROM items"));
}

/* The whole of a request that succeeds. */
static enum idempotent serve(const struct endpoint *e,
                             const struct identity *who, const struct asked *q)
{
    arrive(q);
    assert_true(idempotency_asked(here.call.req));
    assert_true(idempotency_valid(here.call.req, &here.res));
    assert_int_equal(db_begin_write(here.db), DB_DONE);
    enum idempotent found = find(e, who);
    if (found == IDEMPOTENT_NEW) {
        write_item();
        assert_int_equal(store(e, who), DB_DONE);
    }
    assert_int_equal(db_commit(here.db), DB_DONE);
    return found;
}

static void assert_body(const char *text)
{
    struct slice body = response_body(&here.res);

    assert_int_equal(body.len, strlen(text));
    assert_memory_equal(body.ptr, text, body.len);
}

static void assert_says(const char *detail)
{
    buf_text(&here.res.body);
    if (strstr(response_body(&here.res).ptr, detail) == NULL)
        fail_msg("%s: %s", detail, response_body(&here.res).ptr);
}

static void assert_headers(const char *text)
{
    assert_string_equal(buf_text(&here.res.headers), text);
}

static int64_t items(void)
{
    return one_int(here.db, "SELECT count(*) FROM items");
}

static int64_t kept(void)
{
    return one_int(here.db, "SELECT count(*) FROM prong_idempotency");
}

#define KEY(k) "Idempotency-Key: " k "\r\n"

static const struct asked first = {
    .line = "POST /items", .fields = KEY("k-1"), .json = "{\"a\":1}"};

/* ---- tests ---------------------------------------------------------------*/

static void test_replay(void **state)
{
    (void)state;
    assert_int_equal(serve(&create, &user_1, &first), IDEMPOTENT_NEW);
    assert_body("{\"id\":1}");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(serve(&create, &user_1, &first), IDEMPOTENT_KNOWN);
        assert_int_equal(here.res.status, 201);
        assert_ptr_equal(here.res.type, form_type(FORM_JSON));
        assert_headers("Cache-Control: no-store\r\nX-Total-Count: 7\r\n"
                       "Idempotency-Replayed: true\r\n");
        assert_body("{\"id\":1}");
    }
    assert_int_equal(items(), 1);
    assert_int_equal(kept(), 1);

    /* Another key is another request. */
    const struct asked second = {
        .line = first.line, .fields = KEY("k-2"), .json = first.json};
    assert_int_equal(serve(&create, &user_1, &second), IDEMPOTENT_NEW);
    assert_body("{\"id\":2}");
}

/* What is stored outlives the connection. */
static void test_replay_by_another_worker(void **state)
{
    const struct scratch *s = *state;
    struct fault fault = {""};

    assert_int_equal(serve(&create, &user_1, &first), IDEMPOTENT_NEW);
    idempotency_close(here.keys);
    db_close(here.db);
    here.db = must_open(s->path, DB_SERVE);
    here.keys = idempotency_open(here.db, &fault);
    assert_non_null(here.keys);
    assert_int_equal(serve(&create, &user_1, &first), IDEMPOTENT_KNOWN);
    assert_body("{\"id\":1}");
}

static void test_another_request(void **state)
{
    static const struct asked others[] = {
        {.line = "PUT /items/7", .json = "{\"a\":2}"},
        {.line = "PUT /items/7", .json = "{\"a\":1} "},
        {.line = "PUT /items/7"},
        {.line = "PUT /items/8", .json = "{\"a\":1}"},
        {.line = "PUT /items/7?x=1", .json = "{\"a\":1}"},
        {.line = "PUT /items/%37", .json = "{\"a\":1}"}, /* as it was sent */
    };
    const struct asked one = {
        .line = "PUT /items/7", .fields = KEY("k"), .json = "{\"a\":1}"};

    (void)state;
    assert_int_equal(serve(&change, &user_1, &one), IDEMPOTENT_NEW);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct asked other = others[i];
        other.fields = KEY("k");
        if (serve(&change, &user_1, &other) != IDEMPOTENT_OTHER)
            fail_msg("case %zu", i);
        assert_int_equal(here.res.status, 422);
        assert_string_equal(here.res.type, "application/problem+json");
        assert_headers("Cache-Control: no-store\r\n");
    }
    assert_int_equal(items(), 1);
    assert_int_equal(serve(&change, &user_1, &one), IDEMPOTENT_KNOWN);
}

/* The body counts decoded: how it was framed is no matter. */
static void test_chunked(void **state)
{
    const struct asked plain = {
        .line = "POST /items", .fields = KEY("k"), .text = "hello"};
    const struct asked chunked = {
        .line = "POST /items",
        .fields = KEY("k") "Transfer-Encoding: chunked\r\n\r\n"
                           "2\r\nhe\r\n3\r\nllo\r\n0\r\n"};

    (void)state;
    assert_int_equal(serve(&create, &nobody, &plain), IDEMPOTENT_NEW);
    assert_int_equal(serve(&create, &nobody, &chunked), IDEMPOTENT_KNOWN);
}

#define BEARER(t) "Authorization: Bearer " t "\r\n" KEY("k")

/* One key for all: who asks what gets an answer of their own. */
static void test_scopes(void **state)
{
    static const struct {
        const struct endpoint *e;
        const struct identity *who;
        const char *fields;
        const char *scope; /* what it begins with, of a new one */
    } cases[] = {
        {&create, &user_1, BEARER("a"), "POST /items|user:1"},
        {&create, &user_1, BEARER("b"), NULL}, /* a new token, the same user */
        {&create, &user_2, BEARER("c"), "POST /items|user:2"},
        {&create, &machine, BEARER("d"), "POST /items|token:18ac3e7343f01689"},
        {&create, &machine, BEARER("e"), "POST /items|token:3f79bb7b435b0532"},
        {&create, &machine, BEARER("d"), NULL},
        {&create, &nobody, KEY("k"), "POST /items"},
        {&create, &nobody, BEARER("d"), NULL}, /* it was not looked at */
        {&change, &nobody, KEY("k"), "PUT /items/{id}"},
        {&change, &user_1, BEARER("a"), "PUT /items/{id}|user:1"},
    };
    int64_t expected = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct asked q = {.line = "POST /items",
                                .fields = cases[i].fields};
        enum idempotent found = serve(cases[i].e, cases[i].who, &q);
        bool is_new = cases[i].scope != NULL;
        if (found != (is_new ? IDEMPOTENT_NEW : IDEMPOTENT_KNOWN))
            fail_msg("case %zu: %d", i, (int)found);
        assert_int_equal(items(), expected += is_new);
        struct stmt *s = must_prepare(
            here.db, "SELECT count(*) FROM prong_idempotency WHERE scope = ?1");
        if (is_new)
            stmt_bind_text(s, 1, slice_of(cases[i].scope));
        assert_int_equal(run_int(s), is_new);
        db_finalize(s);
    }
}

/* ---- what was undone -----------------------------------------------------*/

static void test_rollback(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        arrive(&first);
        assert_int_equal(db_begin_write(here.db), DB_DONE);
        assert_int_equal(find(&create, &user_1), IDEMPOTENT_NEW);
        write_item();
        assert_int_equal(store(&create, &user_1), DB_DONE);
        db_rollback(here.db);
        assert_int_equal(kept(), 0);
    }
    assert_int_equal(serve(&create, &user_1, &first), IDEMPOTENT_NEW);
    assert_int_equal(items(), 1);
}

/* Requests that share a transaction: one's failure takes its own key along,
 * and a repetition among them is one. */
static void test_savepoints(void **state)
{
    static const struct asked asked[] = {
        {.line = "POST /items", .fields = KEY("a"), .text = ""},
        {.line = "POST /items", .fields = KEY("b"), .text = ""},
        {.line = "POST /items", .fields = KEY("a"), .text = ""},
        {.line = "POST /items", .fields = KEY("b"), .text = ""},
    };
    static const enum idempotent expected[] = {
        IDEMPOTENT_NEW, IDEMPOTENT_NEW, IDEMPOTENT_KNOWN, IDEMPOTENT_NEW};

    (void)state;
    assert_int_equal(db_begin_write(here.db), DB_DONE);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        arrive(&asked[i]);
        assert_int_equal(db_savepoint(here.db), DB_DONE);
        assert_int_equal(find(&create, &nobody), expected[i]);
        if (expected[i] == IDEMPOTENT_NEW) {
            write_item();
            assert_int_equal(store(&create, &nobody), DB_DONE);
        }
        if (i == 1)
            assert_true(db_undo(here.db));
        else
            assert_int_equal(db_release(here.db), DB_DONE);
    }
    assert_int_equal(db_commit(here.db), DB_DONE);
    assert_int_equal(items(), 2);
    assert_int_equal(kept(), 2);
}

/* The table itself takes no failure, and each key once. */
static void test_refused_by_table(void **state)
{
    (void)state;
    arrive(&first);
    assert_int_equal(db_begin_write(here.db), DB_DONE);
    problem(&here.res, 404, "no such row");
    assert_int_equal(store(&create, &user_1), DB_CHECK);
    response_reset(&here.res);
    assert_int_equal(store(&create, &user_1), DB_DONE);
    assert_int_equal(store(&create, &user_1), DB_UNIQUE);
    db_rollback(here.db);
}

static void test_without_database(void **state)
{
    const struct scratch *s = *state;

    assert_int_equal(unlink(s->path), 0);
    assert_false(db_ready(here.db, 1000));
    arrive(&first);
    assert_int_equal(find(&create, &user_1), IDEMPOTENT_FAILED);
    assert_int_equal(here.res.status, 503);
    assert_int_equal(here.trace.error, COUNT_ERROR_GONE);
    assert_string_equal(here.res.type, "application/problem+json");
    assert_int_equal(store(&create, &user_1), DB_GONE);
}

static void test_open_without_table(void **state)
{
    static const char *const others[] = {
        "DROP TABLE prong_idempotency",
        "CREATE TABLE prong_idempotency(scope, key)",
    };
    struct fault fault;

    (void)state;
    idempotency_close(here.keys);
    here.keys = NULL;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        must_run(here.db, others[i]);
        fault.text[0] = '\0';
        assert_null(idempotency_open(here.db, &fault));
        assert_true(fault.text[0] != '\0');
    }
    idempotency_close(NULL);
}

/* ---- keys ----------------------------------------------------------------*/

#define TEN     "0123456789"
#define FIFTY   TEN TEN TEN TEN TEN
#define KEY_255 FIFTY FIFTY FIFTY FIFTY FIFTY "01234"

static void test_key_faults(void **state)
{
    static const struct {
        const char *fields;
        const char *fault; /* in the answer; null: it is accepted */
    } cases[] = {
        {KEY("x"), NULL},
        {KEY("8e03978e-40d5-43e8-bc93-6894a57f9324"), NULL},
        {KEY("\"8e03978e-40d5-43e8-bc93-6894a57f9324\""), NULL},
        {KEY("with blanks, and ~ !"), NULL},
        {KEY("\""), NULL},
        {KEY(KEY_255), NULL},
        {KEY("\"" KEY_255 "\""), NULL},
        {"idempotency-KEY: x\r\n", NULL},
        {KEY(""), "empty"},
        {KEY("   "), "empty"},
        {KEY("\"\""), "empty"},
        {KEY(KEY_255 "5"), "longer than 255"},
        {KEY("\"" KEY_255 "5\""), "longer than 255"},
        {KEY("gr\xc3\xbcn"), "printable"},
        {KEY("a\tb"), "printable"},
        {KEY("\xff"), "printable"},
        {KEY("x") KEY("x"), "more than one"},
        {KEY("x") "Accept: */*\r\nIDEMPOTENCY-key: y\r\n", "more than one"},
        {KEY("") KEY("x"), "more than one"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct asked q = {.line = "POST /items",
                                .fields = cases[i].fields};
        arrive(&q);
        assert_true(idempotency_asked(here.call.req));
        bool valid = idempotency_valid(here.call.req, &here.res);
        if (valid != (cases[i].fault == NULL))
            fail_msg("case %zu", i);
        if (cases[i].fault == NULL) {
            assert_int_equal(response_body(&here.res).len, 0);
            continue;
        }
        assert_int_equal(here.res.status, 400);
        assert_says(cases[i].fault);
    }
}

static void test_not_asked(void **state)
{
    const struct asked without = {.line = "POST /items",
                                  .fields = "Idempotency-Keys: x\r\n"};

    (void)state;
    arrive(&without);
    assert_false(idempotency_asked(here.call.req));
}

/* A pair of quotes is how the draft writes the key, and no part of it. */
static void test_quotes(void **state)
{
    static const struct {
        const char *fields;
        enum idempotent found;
    } cases[] = {
        {KEY("\"q\""), IDEMPOTENT_NEW},     {KEY("q"), IDEMPOTENT_KNOWN},
        {KEY("\"q"), IDEMPOTENT_NEW},       {KEY("q\""), IDEMPOTENT_NEW},
        {KEY("\"\"q\"\""), IDEMPOTENT_NEW}, {KEY("\"q\""), IDEMPOTENT_KNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct asked q = {.line = "POST /items",
                                .fields = cases[i].fields};
        if (serve(&create, &nobody, &q) != cases[i].found)
            fail_msg("case %zu", i);
    }
}

/* Each is one key, like no other of them. */
static void test_hostile_keys(void **state)
{
    static const char *const fields[] = {
        KEY("'; DROP TABLE prong_idempotency; --"),
        KEY("' OR 1=1 --"),
        KEY("%s%s%n"),
        KEY("%"),
        KEY("_"),
        KEY("*"),
        KEY("?1"),
        KEY("K"),
        KEY("k"),
        KEY("k|user:1"),
        KEY("|user:1"),
        KEY("null"),
        KEY("0"),
        KEY("00"),
        KEY("0.0"),
        KEY("1e999"),
        KEY("x'00'"),
        KEY("\\0"),
        KEY("a,b"),
        KEY("a, b"),
        KEY(KEY_255),
        KEY(FIFTY FIFTY FIFTY FIFTY FIFTY "01235"),
    };
    enum { COUNT = sizeof fields / sizeof *fields };

    (void)state;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < COUNT; i++) {
            const struct asked q = {.line = "POST /items", .fields = fields[i]};
            enum idempotent found = serve(&create, &user_1, &q);
            if (found != (round ? IDEMPOTENT_KNOWN : IDEMPOTENT_NEW))
                fail_msg("round %d, %s", round, fields[i]);
        }
    assert_int_equal(items(), COUNT);
    assert_int_equal(kept(), COUNT);
}

/* ---- answers -------------------------------------------------------------*/

/* Stores an answer and asks again; the new answer lies in here.res. */
static void repeat(int status, const char *type, struct slice body)
{
    arrive(&first);
    must_run(here.db, "DELETE FROM prong_idempotency");
    assert_int_equal(db_begin_write(here.db), DB_DONE);
    here.res.status = status;
    here.res.type = type;
    buf_slice(&here.res.body, body);
    assert_int_equal(store(&create, &user_1), DB_DONE);
    assert_int_equal(db_commit(here.db), DB_DONE);
    arrive(&first);
    assert_int_equal(find(&create, &user_1), IDEMPOTENT_KNOWN);
    assert_int_equal(here.res.status, status);
    assert_int_equal(response_body(&here.res).len, body.len);
    assert_memory_equal(response_body(&here.res).ptr, body.ptr, body.len);
}

static void test_answers(void **state)
{
    enum { LARGE = 3 << 20 };
    char *large = malloc(LARGE);

    (void)state;
    assert_non_null(large);
    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 % 251);
    for (unsigned f = 0; f < FORM_COUNT; f++) {
        const char *type = form_type((enum form)f);
        repeat(200, type, SLICE("a,b\r\n1,2\r\n"));
        assert_ptr_equal(here.res.type, type);
    }
    repeat(204, NULL, SLICE(""));
    assert_null(here.res.type);
    assert_headers("Idempotency-Replayed: true\r\n");
    repeat(200, form_type(FORM_JSON), SLICE("\"\0\xff'\r\n\""));
    repeat(399, form_type(FORM_JSON), (struct slice){large, LARGE});
    free(large);

    /* A type of another version's. */
    must_run(here.db, "UPDATE prong_idempotency SET type = 'text/turtle'");
    arrive(&first);
    assert_int_equal(find(&create, &user_1), IDEMPOTENT_KNOWN);
    assert_string_equal(here.res.type, "application/octet-stream");
}

/* What the job that removes them goes by. */
static void test_age(void **state)
{
    time_t before = time(NULL);

    (void)state;
    assert_int_equal(serve(&create, &user_1, &first), IDEMPOTENT_NEW);
    int64_t at = one_int(here.db, "SELECT created_at FROM prong_idempotency"
                                  " WHERE typeof(created_at) = 'integer'");
    assert_in_range(at, (int64_t)before * 1000,
                    ((int64_t)time(NULL) + 1) * 1000);

    struct stmt *s =
        must_prepare(here.db, "EXPLAIN QUERY PLAN DELETE FROM prong_idempotency"
                              " WHERE created_at < ?1");
    char plan[256];
    assert_int_equal(stmt_step(s), DB_ROW);
    struct slice text = stmt_text(s, 3);
    snprintf(plan, sizeof plan, "%.*s", (int)text.len, text.ptr);
    assert_non_null(strstr(plan, "INDEX prong_idempotency_created_at"));
    db_finalize(s);
    must_run(here.db, "DELETE FROM prong_idempotency");
    assert_int_equal(serve(&create, &user_1, &first), IDEMPOTENT_NEW);
    assert_int_equal(items(), 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_replay),           TEST(test_replay_by_another_worker),
        TEST(test_another_request),  TEST(test_chunked),
        TEST(test_scopes),           TEST(test_rollback),
        TEST(test_savepoints),       TEST(test_refused_by_table),
        TEST(test_without_database), TEST(test_open_without_table),
        TEST(test_key_faults),       TEST(test_not_asked),
        TEST(test_quotes),           TEST(test_hostile_keys),
        TEST(test_answers),          TEST(test_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
