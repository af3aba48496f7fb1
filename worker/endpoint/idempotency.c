#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/log.h"
#include "common/loop.h"
#include "worker/endpoint/bearer.h"
#include "worker/endpoint/run.h"
#include "worker/http/accept.h"
#include "worker/http/problem.h"

#include "worker/endpoint/idempotency.h"

static const char field[] = "idempotency-key";

enum { TOKEN_DIGITS = 16 }; /* of its SHA-256: 64 bits tell tokens apart */

const char idempotency_schema[] =
    "CREATE TABLE IF NOT EXISTS prong_idempotency("
    "scope TEXT NOT NULL, key TEXT NOT NULL, request TEXT NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " status INTEGER NOT NULL CHECK (status BETWEEN 200 AND 399),"
    " type TEXT, headers TEXT NOT NULL, body BLOB NOT NULL,"
    " PRIMARY KEY (scope, key)) STRICT;\n"
    "CREATE INDEX IF NOT EXISTS prong_idempotency_created_at"
    " ON prong_idempotency(created_at);";

struct idempotency {
    struct db *db;
    struct stmt *find;
    struct stmt *store;
    /* Scratch, reused. */
    struct buf scope;
    struct buf text;
};

/* What a request is known by. */
struct mark {
    struct slice scope; /* in i->scope */
    struct slice key;   /* in the request */
    char request[DIGEST_HEX];
};

/* ---- opening -------------------------------------------------------------*/

struct idempotency *idempotency_open(struct db *db, struct fault *fault)
{
    static const char find[] =
        "SELECT request, status, type, headers, body FROM prong_idempotency"
        " WHERE scope = ?1 AND key = ?2";
    static const char store[] =
        "INSERT INTO prong_idempotency(scope, key, request, created_at, status,"
        " type, headers, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    int offset;
    struct idempotency *i = calloc(1, sizeof *i);

    assert(i != NULL);
    i->db = db;
    i->find = db_prepare(db, find, fault, &offset);
    if (i->find)
        i->store = db_prepare(db, store, fault, &offset);
    if (i->store)
        return i;
    idempotency_close(i);
    return NULL;
}

void idempotency_close(struct idempotency *i)
{
    if (i == NULL)
        return;
    db_finalize(i->find);
    db_finalize(i->store);
    buf_free(&i->scope);
    buf_free(&i->text);
    free(i);
}

/* ---- the key -------------------------------------------------------------*/

/* Clients write it as it is, or as the string that the draft wants. */
static struct slice unquoted(struct slice s)
{
    if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"')
        return s;
    return (struct slice){s.ptr + 1, s.len - 2};
}

static struct slice key_of(const struct request *req)
{
    return unquoted(request_header(req, field));
}

static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < ' ' || s.ptr[i] > '~')
            return false;
    return true;
}

static size_t count_fields(const struct request *req)
{
    struct pair p;
    size_t found = 0;

    for (size_t i = 0; request_field(req, i, &p); i++)
        found += slice_is_nocase(p.name, field);
    return found;
}

bool idempotency_asked(const struct request *req)
{
    return request_header(req, field).ptr != NULL;
}

static bool refuse(struct response *res, const char *detail)
{
    problem(res, 400, detail);
    return false;
}

bool idempotency_valid(const struct request *req, struct response *res)
{
    struct slice key = key_of(req);

    if (count_fields(req) > 1)
        return refuse(res, "There is more than one Idempotency-Key");
    if (key.len == 0)
        return refuse(res, "The Idempotency-Key is empty");
    if (key.len > IDEMPOTENCY_KEY_MAX)
        return refuse(res, "The Idempotency-Key is longer than 255 bytes");
    return is_printable(key) ||
           refuse(res, "The Idempotency-Key is not printable ASCII");
}

/* ---- the mark ------------------------------------------------------------*/

/* A user's tokens are one: who retries may have got a new one meanwhile. */
static void write_scope(struct buf *out, const struct call *call,
                        const struct endpoint *e, const struct identity *who)
{
    char hex[DIGEST_HEX];

    buf_clear(out);
    buf_string(out, method_name(e->method));
    buf_byte(out, ' ');
    buf_string(out, e->path);
    if (who->known && who->has_user) {
        buf_string(out, "|user:");
        buf_int(out, who->user_id);
    } else if (who->known) {
        digest_hex(bearer_of(call->req), hex);
        buf_string(out, "|token:");
        buf_add(out, hex, TOKEN_DIGITS);
    }
}

/* The body goes in as its own digest, so that it need not be copied behind the
 * rest; method and target hold neither blank nor newline. */
static void digest_request(struct buf *text, const struct request *req,
                           char hex[DIGEST_HEX])
{
    digest_hex(request_body(req), hex);
    buf_clear(text);
    buf_slice(text, request_method(req));
    buf_byte(text, ' ');
    buf_slice(text, request_raw_path(req));
    buf_byte(text, '?');
    buf_slice(text, request_raw_query(req));
    buf_byte(text, '\n');
    buf_add(text, hex, DIGEST_HEX);
    digest_hex(buf_view(text), hex);
}

static void make_mark(struct idempotency *i, const struct call *call,
                      const struct endpoint *e, const struct identity *who,
                      struct mark *out)
{
    write_scope(&i->scope, call, e, who);
    out->scope = buf_view(&i->scope);
    out->key = key_of(call->req);
    digest_request(&i->text, call->req, out->request);
}

static struct slice request_of(const struct mark *m)
{
    return (struct slice){m->request, DIGEST_HEX};
}

/* ---- finding -------------------------------------------------------------*/

/* A response's type is static storage, and answers of endpoints have that of a
 * form; a row of another version's may say something else. */
static const char *known_type(const struct stmt *s, int column)
{
    struct slice stored = stmt_text(s, column);

    if (stmt_type(s, column) == DB_NULL)
        return NULL;
    for (unsigned f = 0; f < FORM_COUNT; f++)
        if (slice_is(stored, form_type((enum form)f)))
            return form_type((enum form)f);
    return "application/octet-stream";
}

static void replay(const struct stmt *s, struct response *res)
{
    response_drop_body(res);
    res->status = (int)stmt_int(s, 1);
    res->type = known_type(s, 2);
    buf_slice(&res->headers, stmt_text(s, 3));
    buf_slice(&res->body, stmt_blob(s, 4));
    response_header(res, "Idempotency-Replayed", SLICE("true"));
}

static enum idempotent compare(const struct idempotency *i,
                               const struct mark *m, struct response *res)
{
    if (slice_equal(stmt_text(i->find, 0), request_of(m))) {
        replay(i->find, res);
        return IDEMPOTENT_KNOWN;
    }
    problem(res, 422, "This Idempotency-Key was used for another request");
    return IDEMPOTENT_OTHER;
}

static enum idempotent fail(const struct idempotency *i, struct call *call,
                            enum db_result result)
{
    const struct response *res = call->res;

    run_failed(call, result, db_message(i->db));
    if (res->status >= 500)
        log_error("Error looking up an Idempotency-Key: %s: %s, request %.*s",
                  db_result_name(result), db_message(i->db), (int)res->id_len,
                  res->id);
    return IDEMPOTENT_FAILED;
}

enum idempotent idempotency_find(struct idempotency *i, struct call *call,
                                 const struct endpoint *e,
                                 const struct identity *who)
{
    struct mark m;
    enum idempotent found = IDEMPOTENT_NEW;

    make_mark(i, call, e, who, &m);
    stmt_bind_text(i->find, 1, m.scope);
    stmt_bind_text(i->find, 2, m.key);
    enum db_result result = stmt_step(i->find);
    if (result == DB_ROW)
        found = compare(i, &m, call->res);
    stmt_reset(i->find);
    if (result != DB_ROW && result != DB_DONE)
        found = fail(i, call, result);
    return found;
}

/* ---- storing -------------------------------------------------------------*/

enum db_result idempotency_store(struct idempotency *i, const struct call *call,
                                 const struct endpoint *e,
                                 const struct identity *who)
{
    const struct response *res = call->res;
    struct stmt *s = i->store;
    struct mark m;

    make_mark(i, call, e, who, &m);
    stmt_bind_text(s, 1, m.scope);
    stmt_bind_text(s, 2, m.key);
    stmt_bind_text(s, 3, request_of(&m));
    stmt_bind_int(s, 4, loop_wall_ms());
    stmt_bind_int(s, 5, res->status);
    if (res->type)
        stmt_bind_text(s, 6, slice_of(res->type));
    stmt_bind_text(s, 7, buf_view(&res->headers));
    stmt_bind_blob(s, 8, response_body(res));
    enum db_result result = stmt_step(s);
    stmt_reset(s);
    return result;
}
