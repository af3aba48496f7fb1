#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "worker/db.h"
#include "worker/json.h"

struct json {
    struct db *db;
    struct stmt *members;
    struct stmt *elements;
    struct stmt *valid;
};

static const char walk[] = "SELECT key, type, value FROM json_each(?1)";

struct json *json_new(struct fault *fault)
{
    struct json *j = calloc(1, sizeof *j);
    int offset;

    assert(j != NULL);
    j->db = db_open(":memory:", DB_CREATE, fault);
    if (j->db) {
        j->members = db_prepare(j->db, walk, fault, &offset);
        j->elements = db_prepare(j->db, walk, fault, &offset);
        j->valid = db_prepare(j->db, "SELECT json_valid(?1)", fault, &offset);
    }
    if (j->members && j->elements && j->valid)
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
    for (size_t i = 0; i < text.len; i++)
        if (strchr(" \t\r\n", text.ptr[i]) == NULL)
            return text.ptr[i];
    return '\0';
}

static bool visit(struct stmt *s, struct slice text,
                  const struct json_visitor *visitor)
{
    enum db_result result;
    bool going = true;

    if (memmem(text.ptr, text.len, "\\u0000", 6))
        return false;
    stmt_bind_text(s, 1, text);
    while (going && (result = stmt_step(s)) == DB_ROW) {
        struct member m = {.raw = raw_of(s)};
        if (stmt_type(s, 0) == DB_TEXT)
            m.name = stmt_text(s, 0);
        going = visitor->on_member(visitor->self, &m);
    }
    stmt_reset(s);
    return !going || result == DB_DONE;
}

bool json_members(struct json *j, struct slice text,
                  const struct json_visitor *visitor)
{
    return first_char(text) == '{' && visit(j->members, text, visitor);
}

bool json_elements(struct json *j, struct slice text,
                   const struct json_visitor *visitor)
{
    return first_char(text) == '[' && visit(j->elements, text, visitor);
}

bool json_valid(struct json *j, struct slice text)
{
    bool valid;

    stmt_bind_text(j->valid, 1, text);
    valid = stmt_step(j->valid) == DB_ROW && stmt_int(j->valid, 0) == 1;
    stmt_reset(j->valid);
    return valid;
}
