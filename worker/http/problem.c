#include "worker/http/problem.h"

static const char problem_type[] = "application/problem+json";

void problem_begin(struct response *r, int status, const char *detail)
{
    struct buf *b = &r->body;

    response_drop_body(r);
    r->status = status;
    r->type = problem_type;
    /* 404, 405 and 501 may be kept otherwise (RFC 9110, 15.1). */
    response_header(r, "Cache-Control", SLICE("no-store"));
    buf_string(b, "{\"type\":\"about:blank\",\"title\":");
    buf_json(b, slice_of(status_phrase(status)));
    buf_string(b, ",\"status\":");
    buf_int(b, status);
    if (detail) {
        buf_string(b, ",\"detail\":");
        buf_json(b, slice_of(detail));
    }
    buf_string(b, ",\"request_id\":");
    buf_json(b, (struct slice){r->id, r->id_len});
}

void problem(struct response *r, int status, const char *detail)
{
    problem_begin(r, status, detail);
    buf_byte(&r->body, '}');
}

void problem_errors(struct response *r, struct slice errors)
{
    buf_string(&r->body, ",\"errors\":[");
    buf_slice(&r->body, errors);
    buf_string(&r->body, "]}");
}

void problem_error(struct buf *errors, const char *pointer, const char *detail)
{
    if (errors->len >= PROBLEM_ERRORS)
        return;
    if (errors->len > 0)
        buf_byte(errors, ',');
    buf_string(errors, "{\"pointer\":");
    buf_json(errors, slice_of(pointer));
    buf_string(errors, ",\"detail\":");
    buf_json(errors, slice_of(detail));
    buf_byte(errors, '}');
}

/* What a client is told about each failure; DB_RAISED brings its own text. */
static const struct {
    int status;
    const char *detail;
} answers[] = {
    [DB_UNIQUE] = {409, "A row with these values exists already"},
    [DB_FOREIGN] = {409, "The request refers to a row that does not exist, or "
                         "removes one that others refer to"},
    [DB_NOT_NULL] = {422, "A value that must be there is missing"},
    [DB_CHECK] = {422, "A value is outside what the data allows"},
    [DB_RAISED] = {400, NULL},
    [DB_DEADLINE] = {504, "The query took too long and was stopped"},
    [DB_CANCELLED] = {503, "An operator has ended the query"},
    [DB_STOPPED] = {503, "The worker is stopping, and has ended the query; try "
                         "again"},
    [DB_BUSY] = {503, "The database is busy; try again"},
    [DB_FULL] = {507, "There is no space left for the data"},
    [DB_READONLY] = {503, "The database cannot be written at present"},
    [DB_TOO_BIG] = {413, "A value is too large"},
    [DB_CORRUPT] = {500, "The database is damaged"},
    [DB_GONE] = {503, "The database is not there at present"},
    [DB_ERROR] = {500, "The query failed"},
};

int problem_status(enum db_result result)
{
    return answers[result].status ? answers[result].status : 500;
}

void problem_sql(struct response *r, enum db_result result, const char *message)
{
    int status = problem_status(result);

    if (status == 503 && result != DB_CANCELLED) /* it would only run again */
        response_header(r, "Retry-After", SLICE("1"));
    problem(r, status, result == DB_RAISED ? message : answers[result].detail);
}
