/*
 * Queries and bodies from hostile clients, read for declared endpoints. The
 * first byte chooses the endpoint and the body's type, the rest is the query
 * up to the first NUL, and the body. What is accepted is of its type and
 * complete; faults are JSON; and links made of it are one clean line.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/sqlfile.h"
#include "worker/endpoint/arguments.h"
#include "worker/db/db.h"
#include "worker/endpoint/paging.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char declared[] =
    "-- POST /a\n-- @auth public\n-- @param i integer min -5 max 9 default 3\n"
    "-- @param r real min 0\n-- @param t text required max 8 pattern [a-z]*\n"
    "-- @param b boolean\n-- @param d date\n-- @param m datetime\n"
    "-- @param j json\n-- @param x blob max 9 default YWI=\n"
    "SELECT :i, :r, :t, :b, :d, :m, :j, :x;\n\n"
    "-- POST /b\n-- @auth public\n-- @each l max 4\n"
    "-- @param i integer required\n-- @param t text in a,b default a\n"
    "-- @param j json\n-- @param x blob default YWI=\n"
    "SELECT :i, :t, :j, :x;\n\n"
    "-- GET /c\n-- @page 3 max 9\n-- @sort i\n-- @param i integer\n"
    "SELECT :i AS i;\n\n"
    "-- GET /d\n-- @page key=i,t 3\n-- @param t text\n"
    "SELECT 1 AS i, :t AS t;\n";

static const char *const media[] = {
    "application/json", "application/x-www-form-urlencoded", "a/b+json", "x"};

static const struct request_limits limits = {
    .line = 8190, .fields = 10, .field_size = 8190, .body = 65536};

static struct {
    struct sqlfile file;
    struct json *reader;
    struct request *req;
    struct arguments arguments;
    struct paging paging;
} fuzz;

static void set_up(void)
{
    struct fault fault;

    db_init();
    fuzz.file.arena = arena_new();
    fuzz.file.timeout_ms = 1000;
    if (!sqlfile_parse(&fuzz.file, "f", slice_of(declared), &fault))
        abort();
    fuzz.reader = json_new(&fault);
    fuzz.req = request_new(&limits);
    assert(fuzz.reader);
}

static bool is_list(struct slice errors)
{
    struct buf list = {0};

    buf_byte(&list, '[');
    buf_slice(&list, errors);
    buf_byte(&list, ']');
    bool valid = json_valid(fuzz.reader, buf_view(&list));
    buf_free(&list);
    return valid;
}

static void check_text(const struct param *p, struct slice s)
{
    if (s.len > 0)
        assert(memchr(s.ptr, '\0', s.len) == NULL);
    assert(text_is_utf8(s));
    assert(p->type != PARAM_DATE || text_is_date(s));
    assert(p->type != PARAM_DATETIME || text_is_datetime(s));
    assert(p->type != PARAM_JSON || json_valid(fuzz.reader, s));
    assert(p->type != PARAM_TEXT || p->max == NULL ||
           (double)s.len <= p->max_number * 4);
}

static void check_value(const struct param *p, const struct value *v)
{
    static const enum value_kind kinds[] = {
        [PARAM_INTEGER] = VALUE_INT, [PARAM_REAL] = VALUE_REAL,
        [PARAM_TEXT] = VALUE_TEXT,   [PARAM_BOOLEAN] = VALUE_INT,
        [PARAM_DATE] = VALUE_TEXT,   [PARAM_DATETIME] = VALUE_TEXT,
        [PARAM_JSON] = VALUE_TEXT,   [PARAM_BLOB] = VALUE_BLOB,
    };

    if (v->kind == VALUE_NULL) {
        assert(!p->required);
        return;
    }
    assert(v->kind == kinds[p->type]);
    if (v->kind == VALUE_TEXT)
        check_text(p, v->text);
    if (v->kind == VALUE_REAL)
        assert(v->real - v->real == 0); /* finite */
    if (p->type == PARAM_INTEGER && p->min)
        assert((double)v->integer >= p->min_number);
    if (p->type == PARAM_BOOLEAN)
        assert(v->integer == 0 || v->integer == 1);
}

static void check_arguments(const struct endpoint *e)
{
    const struct arguments *a = &fuzz.arguments;
    struct fault fault = {""};
    int status =
        arguments_read(&fuzz.arguments, fuzz.reader, e, fuzz.req, &fault);

    assert(status == 0 || status == 400 || status == 411 || status == 415);
    assert(status != 0 || a->errors.len == 0);
    assert(status == 0 || a->errors.len > 0 || fault.text[0]);
    assert(a->errors.len == 0 || is_list(buf_view(&a->errors)));
    assert(a->sets >= 1 && (!e->each || a->sets <= (size_t)e->each_max));
    for (size_t set = 0; status == 0 && set < a->sets; set++)
        for (size_t i = 0; i < e->param_count; i++)
            check_value(&e->params[i], arguments_value(a, set, i));
}

/* The header lines hold the links and nothing that was sent to break them. */
static void check_links(const struct endpoint *e)
{
    struct buf errors = {0};
    struct buf link = {0};
    const struct page_seen seen = {true, SLICE("i1;t1:a;"), SLICE("i2;t0:;")};
    struct paging *p = &fuzz.paging;
    size_t opened = 0;

    paging_read(p, e, fuzz.req, &errors);
    assert(errors.len == 0 || is_list(buf_view(&errors)));
    if (errors.len == 0) {
        assert(p->limit >= 0 && p->limit <= e->page.max && p->offset >= 0);
        assert(p->variant >= 0 && p->variant < paging_count_variant(e));
        paging_links(p, e, fuzz.req, &seen, &link);
    }
    for (size_t i = 0; i < link.len; i++) {
        assert(link.data[i] != '\0');
        opened += link.data[i] == '<';
        assert((link.data[i] == '\r') == (i + 2 == link.len));
        assert((link.data[i] == '\n') == (i + 1 == link.len));
    }
    assert(opened <= 2);
    buf_free(&errors);
    buf_free(&link);
}

/* A request for the endpoint, of the query and body in `rest`. */
static void write_request(struct buf *in, const struct endpoint *e,
                          const char *type, struct slice rest)
{
    struct slice query = slice_cut(&rest, '\0');

    buf_format(in, "%s %s?", method_name(e->method), e->path);
    buf_slice(in, query);
    buf_format(in, " HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\n", type);
    if (rest.ptr) {
        buf_format(in, "Content-Length: %zu\r\n\r\n", rest.len);
        buf_slice(in, rest);
    } else {
        buf_string(in, "\r\n");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf in = {0};

    if (size == 0)
        return 0;
    if (fuzz.reader == NULL)
        set_up();
    const struct endpoint *e =
        &fuzz.file.endpoints[data[0] % fuzz.file.endpoint_count];
    write_request(&in, e, media[data[0] / 4 % 4],
                  (struct slice){(const char *)data + 1, size - 1});
    if (request_feed(fuzz.req, &in) == REQUEST_COMPLETE) {
        check_arguments(e);
        if (e->page.on)
            check_links(e);
    }
    request_reset(fuzz.req);
    buf_free(&in);
    return 0;
}
