/*
 * Queries from hostile clients, as keys of the cache. The first byte chooses
 * the endpoint and who asks, the rest is an Accept field up to the first NUL,
 * and the query. A question has one key, whenever it is read and however it
 * is written: its parameters in another order and another spelling, with
 * something between them that means nothing. What is refused is refused in
 * each way of writing. Other values, other pages and other people have other
 * keys.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/sqlfile.h"
#include "worker/db/db.h"
#include "worker/endpoint/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char declared[] =
    "-- GET /a\n-- @param i integer default 3\n-- @param r real\n"
    "-- @param t text\n-- @param u text default x\n-- @param b boolean\n"
    "SELECT :i AS i, :r AS r, :t AS t, :u AS u, :b AS b;\n\n"
    "-- GET /b\n-- @param d date\n-- @param m datetime\n-- @param j json\n"
    "-- @param x blob default YWI=\n"
    "SELECT :d AS d, :m AS m, :j AS j, :x AS x;\n\n"
    "-- GET /c\n-- @page 3 max 9\n-- @sort i,t\n-- @param i integer\n"
    "SELECT :i AS i, 't' AS t;\n\n"
    "-- GET /d\n-- @page key=i,t 3\n-- @param t text\n"
    "SELECT 1 AS i, :t AS t;\n\n"
    "-- GET /e\n-- @param t text\n"
    "SELECT :auth.user_id AS me, :auth.role AS role, :t AS t;\n";

enum { ENDPOINTS = 5 };

static const struct request_limits limits = {
    .line = 65536, .fields = 10, .field_size = 8190, .body = 1};

/* One reading, with what its values point into. */
struct reading {
    struct request *req;
    struct buf in;
    struct question question;
    struct response res;
    struct buf key; /* empty: it was refused */
};

static struct {
    struct db *db;
    struct sqlfile file;
    struct json *reader;
    struct plan *plans[ENDPOINTS];
    struct reading one, again;
} fuzz;

static void set_up(void)
{
    struct fault fault;

    db_init();
    fuzz.db = db_open(":memory:", DB_CREATE, &fault);
    fuzz.file.arena = arena_new();
    fuzz.file.timeout_ms = 1000;
    if (!sqlfile_parse(&fuzz.file, "f", slice_of(declared), &fault))
        abort();
    fuzz.reader = json_new(&fault);
    assert(fuzz.db && fuzz.reader && fuzz.file.endpoint_count == ENDPOINTS);
    for (size_t i = 0; i < ENDPOINTS; i++) {
        fuzz.plans[i] =
            plan_new(fuzz.db, fuzz.reader, &fuzz.file.endpoints[i], &fault);
        assert(fuzz.plans[i]);
    }
    fuzz.one.req = request_new(&limits);
    fuzz.again.req = request_new(&limits);
    response_init(&fuzz.one.res);
    response_init(&fuzz.again.res);
}

/* False when these bytes are no request. */
static bool read_question(struct reading *r, const struct plan *plan,
                          const struct identity *who)
{
    request_reset(r->req);
    if (request_feed(r->req, &r->in) != REQUEST_COMPLETE)
        return false;
    response_reset(&r->res);
    buf_clear(&r->key);
    r->question.who = *who;
    if (question_read(&r->question, fuzz.reader, plan, r->req, &r->res)) {
        question_key(&r->question, &r->key);
        assert(r->key.len >= 17);
    } else {
        assert(r->res.status == 400);
        assert(json_valid(fuzz.reader, response_body(&r->res)));
    }
    return true;
}

static void write_head(struct buf *in, const struct plan *plan)
{
    buf_clear(in);
    buf_format(in, "%s %s?", method_name(plan->e->method), plan->e->path);
}

static void write_end(struct buf *in, struct slice accept)
{
    buf_string(in, " HTTP/1.1\r\nHost: a\r\nAccept: ");
    buf_slice(in, accept);
    buf_string(in, "\r\n\r\n");
}

/* Of two pairs of one name the first may count: their order means something. */
static bool all_differ(const struct pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (slice_equal(pairs[i].name, pairs[k].name))
                return false;
    return true;
}

/* The same question, backwards and with junk. */
static void write_again(const struct plan *plan, struct slice accept,
                        const struct pair *pairs, size_t count)
{
    struct buf *in = &fuzz.again.in;

    write_head(in, plan);
    for (size_t i = count; i-- > 0;) {
        buf_percent(in, pairs[i].name);
        buf_byte(in, '=');
        buf_percent(in, pairs[i].value);
        buf_string(in, i == count / 2 ? "&~~=1&" : "&");
    }
    write_end(in, accept);
}

static bool same(void)
{
    return slice_equal(buf_view(&fuzz.one.key), buf_view(&fuzz.again.key));
}

static void check_other_words(const struct plan *plan, struct slice accept)
{
    size_t count;
    const struct pair *pairs = request_query(fuzz.one.req, &count);

    if (!all_differ(pairs, count))
        return;
    write_again(plan, accept, pairs, count);
    if (read_question(&fuzz.again, plan, &fuzz.one.question.who))
        assert(same());
}

static bool same_value(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == VALUE_INT)
        return a->integer == b->integer;
    if (a->kind == VALUE_REAL)
        return !(a->real < b->real) && !(a->real > b->real);
    return a->kind == VALUE_NULL || slice_equal(a->text, b->text);
}

/* Gives one value that of another parameter: the key tells, if they differ. */
static void check_other_values(void)
{
    struct question *q = &fuzz.one.question;
    struct value *values = (struct value *)(void *)q->arguments.values.data;

    for (size_t i = 1; i < q->arguments.width; i++) {
        struct value was = values[i - 1];
        bool equal = same_value(&values[i], &was);
        values[i - 1] = values[i];
        buf_clear(&fuzz.again.key);
        question_key(q, &fuzz.again.key);
        values[i - 1] = was;
        assert(same() == equal);
    }
}

static void check_other_people(const struct plan *plan)
{
    struct question *q = &fuzz.one.question;
    struct identity was = q->who;

    q->who = (struct identity){true, true, 3, "cook", false};
    buf_clear(&fuzz.again.key);
    question_key(q, &fuzz.again.key);
    q->who = was;
    assert(same() == !plan->needs_user);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct identity people[] = {{.known = false},
                                             {true, true, 7, "user", false},
                                             {true, false, 0, "", false}};
    struct slice rest = {(const char *)data + 1, size - 1};

    if (size == 0)
        return 0;
    if (fuzz.db == NULL)
        set_up();
    const struct plan *plan = fuzz.plans[data[0] % ENDPOINTS];
    struct slice accept = slice_cut(&rest, '\0');
    write_head(&fuzz.one.in, plan);
    buf_slice(&fuzz.one.in, rest);
    write_end(&fuzz.one.in, accept);
    if (!read_question(&fuzz.one, plan, &people[data[0] / ENDPOINTS % 3]))
        return 0;
    check_other_words(plan, accept);
    if (fuzz.one.key.len == 0)
        return 0;
    check_other_values();
    check_other_people(plan);
    return 0;
}
