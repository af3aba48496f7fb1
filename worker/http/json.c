#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/db/db.h"
#include "worker/http/json.h"

struct json {
    struct db *db;
    struct stmt *walks[JSON_DEPTH]; /* one for each walk inside another */
    size_t depth;                   /* walks under way */
    struct stmt *valid;
};

struct json *json_new(struct fault *fault)
{
    static const char walk[] = "SELECT key, type, value FROM json_each(?1)";
    struct json *j = calloc(1, sizeof *j);
    int offset;

    assert(j != NULL);
    j->db = db_open(":memory:", DB_CREATE, fault);
    bool ok = j->db != NULL;
    for (size_t i = 0; ok && i < JSON_DEPTH; i++)
        ok = (j->walks[i] = db_prepare(j->db, walk, fault, &offset)) != NULL;
    if (ok)
        j->valid = db_prepare(j->db, "SELECT json_valid(?1)", fault, &offset);
    if (j->valid)
        return j;
    json_free(j);
    return NULL;
}

void json_free(struct json *j)
{
    if (j == NULL)
        return;
    db_close(j->db);
    free(j);
}

static struct raw raw_number(const struct stmt *s)
{
    if (stmt_type(s, 2) == DB_INT)
        return (struct raw){.kind = RAW_INTEGER, .integer = stmt_int(s, 2)};
    return (struct raw){.kind = RAW_REAL, .real = stmt_real(s, 2)};
}

/* json_each names a value's type in its second column. */
static struct raw raw_of(const struct stmt *s)
{
    struct slice type = stmt_text(s, 1);

    switch (type.ptr[0]) {
    case 'i': /* integer; beyond 64 bits SQLite makes it a real */
    case 'r': return raw_number(s);
    case 'n': return (struct raw){.kind = RAW_NULL};
    case 'f':
        if (type.len == 5) /* false */
            return (struct raw){.kind = RAW_BOOLEAN};
        break;
    case 't':
        if (type.len == 4 && type.ptr[1] == 'r') /* true, not text */
            return (struct raw){.kind = RAW_BOOLEAN, .integer = 1};
        break;
    default: break;
    }
    enum raw_kind kind =
        type.ptr[0] == 't' ? RAW_STRING : RAW_NESTED; /* array, object */
    return (struct raw){.kind = kind, .text = stmt_text(s, 2)};
}

static char first_char(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            return c;
    }
    return '\0';
}

/* JSON is UTF-8 (RFC 8259, 8.1), and SQLite reads no further than a NUL. */
static bool is_text(struct slice s)
{
    return s.len > 0 && memchr(s.ptr, '\0', s.len) == NULL && text_is_utf8(s);
}

/* A "\u0000" whose backslash is not itself escaped. */
static bool has_escaped_nul(struct slice s)
{
    const char *at = s.ptr;
    const char *end = at + s.len;

    while ((at = memchr(at, '\\', (size_t)(end - at)))) {
        if (end - at >= 6 && memcmp(at + 1, "u0000", 5) == 0)
            return true;
        at += end - at > 1 ? 2 : 1;
    }
    return false;
}

static bool visit(struct json *j, struct slice text,
                  const struct json_visitor *visitor)
{
    enum db_result result = DB_DONE;
    bool going = true;

    if (!is_text(text) || has_escaped_nul(text))
        return false;
    assert(j->depth < JSON_DEPTH);
    struct stmt *s = j->walks[j->depth++];
    stmt_bind_text(s, 1, text);
    while (going && (result = stmt_step(s)) == DB_ROW) {
        struct member m = {.raw = raw_of(s)};
        if (stmt_type(s, 0) == DB_TEXT)
            m.name = stmt_text(s, 0);
        going = visitor->on_member(visitor->self, &m);
    }
    stmt_reset(s);
    j->depth--;
    return !going || result == DB_DONE;
}

bool json_members(struct json *j, struct slice text,
                  const struct json_visitor *visitor)
{
    return first_char(text) == '{' && visit(j, text, visitor);
}

bool json_elements(struct json *j, struct slice text,
                   const struct json_visitor *visitor)
{
    return first_char(text) == '[' && visit(j, text, visitor);
}

bool json_valid(struct json *j, struct slice text)
{
    bool valid;

    if (!is_text(text))
        return false;
    stmt_bind_text(j->valid, 1, text);
    valid = stmt_step(j->valid) == DB_ROW && stmt_int(j->valid, 0) == 1;
    stmt_reset(j->valid);
    return valid;
}
