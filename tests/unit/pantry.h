/*
 * pantry: what one worker keeps of one endpoint's answers, by hand: answers
 * are made up, and stored in a moment of the test's choice.
 */
#ifndef PRONG_TEST_PANTRY_H
#define PRONG_TEST_PANTRY_H

#include "tests/unit/troupe.h"

#include "worker/endpoint/kept.h"

static const char schema[] =
    "CREATE TABLE chefs (id INTEGER PRIMARY KEY, name TEXT);"
    "CREATE TABLE reviews (id INTEGER PRIMARY KEY, chef INTEGER, stars REAL);"
    "CREATE TABLE notes (text TEXT);"
    "CREATE VIEW rated AS SELECT c.id, avg(r.stars) AS average FROM chefs c"
    " LEFT JOIN reviews r ON r.chef = c.id GROUP BY c.id;"
    "INSERT INTO chefs VALUES (1, 'Ada');";

static const char api[] =
    "-- GET /rated\n-- @cache 1s\n"
    "-- @http stale-while-revalidate=2, stale-if-error=3\n"
    "-- @param n integer\nSELECT id, average, :n FROM rated;\n";

enum { ENTRY_MAX = 4096, BODY = 1000 };

/* What one worker has, and a question with its key. */
static struct {
    struct kept *kept;
    struct json *reader;
    struct plan *plan;
    struct kept_policy policy;
    struct question question;
    struct cache_key key;
    struct kept_found found;
    uint64_t now_ms;
    char body[BODY];
} the;

static inline struct kept *open_kept(struct db *db, struct encoder *encoder)
{
    return kept_new(&(struct kept_config){.shared = &troupe.shared,
                                          .db = db,
                                          .encoder = encoder,
                                          .entry_max = ENTRY_MAX});
}

/* The response is left as it was begun. */
static inline void ask_for(const char *line, const char *fields)
{
    struct part *p = &troupe.part;

    part_begin(p, &(struct asked){.line = line, .fields = fields});
    assert_true(question_read(&the.question, the.reader, the.plan, p->call.req,
                              &p->res));
    the.key = kept_key(the.kept, &the.question);
}

static inline int set_up(void **state)
{
    struct fault fault = {""};

    (void)state;
    memset(&the, 0, sizeof the);
    the.now_ms = 1000000;
    troupe_open("", schema, api);
    the.kept = open_kept(troupe.anna.db, troupe.anna.encoder);
    the.reader = json_new(&fault);
    the.plan =
        plan_new(troupe.anna.db, the.reader, &house.app->endpoints[0], &fault);
    if (the.plan == NULL)
        fail_msg("%s", fault.text);
    kept_policy(&the.policy, the.plan, troupe.shared.names);
    memset(the.body, 'a', sizeof the.body);
    ask_for("GET /rated", NULL);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    kept_free(the.kept);
    question_free(&the.question);
    plan_free(the.plan);
    json_free(the.reader);
    troupe_close();
    return 0;
}

static inline struct answer an_answer(size_t len)
{
    return (struct answer){
        .status = 200,
        .type = form_type(FORM_JSON),
        .tag = "\"0123456789abcdef\"",
        .headers = SLICE("Vary: Accept, Accept-Encoding\r\n"),
        .body = {the.body, len},
        .shrinks = true,
    };
}

/* What kept_store says of the body's first `len` bytes. */
static inline bool store(size_t len)
{
    struct answer a = an_answer(len);
    const struct kept_item item = {&the.key, &a, FORM_JSON};

    return kept_store(the.kept, &the.policy, &item, the.now_ms);
}

static inline bool keep(size_t len)
{
    assert_int_equal(db_begin_read(troupe.anna.db), DB_DONE);
    bool stored = store(len);
    db_unshare(troupe.anna.db);
    return stored;
}

static inline enum kept_state look(void)
{
    kept_find(the.kept, &the.key, the.now_ms, &the.found);
    return the.found.state;
}

#define IN_PANTRY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
