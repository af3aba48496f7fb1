#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "worker/endpoint/arguments.h"
#include "worker/http/problem.h"

enum { TEXT_KEPT = 64 * 1024 }; /* room kept after a request that was large */

/* One reading of one request. */
struct reading {
    struct arguments *a;
    struct json *reader;
    const struct endpoint *e;
    const struct request *req;
    size_t set;    /* being filled */
    uint32_t seen; /* bit i: parameter i was given in this set */
    bool of_each;  /* inside an element of @each */
    bool too_many; /* more elements than @each allows */
};

static_assert(APP_PARAMS_MAX <= 32, "struct reading.seen has 32 bits");

void arguments_free(struct arguments *a)
{
    buf_free(&a->values);
    buf_free(&a->text);
    buf_free(&a->errors);
}

static struct value *value_at(struct arguments *a, size_t set, size_t param)
{
    struct value *values = (struct value *)(void *)a->values.data;

    return &values[set * a->width + param];
}

const struct value *arguments_value(const struct arguments *a, size_t set,
                                    size_t param)
{
    const struct value *values = (const void *)a->values.data;

    return &values[set * a->width + param];
}

/* "/name", or "/bookings/3/name" inside an element. */
static void complain(struct reading *r, const char *name, const char *why)
{
    char pointer[256];

    if (r->of_each)
        snprintf(pointer, sizeof pointer, "/%s/%zu%s%s", r->e->each, r->set,
                 *name ? "/" : "", name);
    else
        snprintf(pointer, sizeof pointer, "/%s", name);
    problem_error(&r->a->errors, pointer, why);
}

static size_t find_param(const struct endpoint *e, struct slice name)
{
    size_t i = 0;

    while (i < e->param_count && !slice_is(name, e->params[i].name))
        i++;
    return i;
}

/* PARAM_JSON given as text is the one type that needs a parser to check. */
static bool json_in_order(const struct reading *r, const struct param *p,
                          const struct raw *raw)
{
    return p->type != PARAM_JSON || raw->kind != RAW_TEXT ||
           json_valid(r->reader, raw->text);
}

static void take(struct reading *r, size_t param, const struct raw *raw)
{
    const struct param *p = &r->e->params[param];
    struct value *v = value_at(r->a, r->set, param);
    const char *home = r->a->text.data;
    struct fault why;

    if (r->seen >> param & 1) {
        complain(r, p->name, "is given more than once");
        return;
    }
    r->seen |= 1U << param;
    if (!json_in_order(r, p, raw))
        complain(r, p->name, "must be JSON");
    else if (!value_read(p, raw, &r->a->text, v, &why))
        complain(r, p->name, why.text);
    assert(r->a->text.data == home); /* room was made: nothing moved */
}

static void take_text(struct reading *r, size_t param, struct slice text)
{
    struct raw raw = {.kind = RAW_TEXT, .text = text};

    take(r, param, &raw);
}

static void take_path(struct reading *r)
{
    size_t count;
    size_t at = 0;
    const struct slice *segments = request_segments(r->req, &count);
    struct slice rest = slice_of(r->e->path + 1);

    while (rest.ptr && at < count) {
        struct slice segment = slice_cut(&rest, '/');
        if (segment.len > 2 && segment.ptr[0] == '{') {
            struct slice name = {segment.ptr + 1, segment.len - 2};
            take_text(r, find_param(r->e, name), segments[at]);
        }
        at++;
    }
}

/* Pairs that name no parameter are ignored, as are those of path parameters
 * (the path has the say) and of the elements of @each. */
static bool takes_pair(const struct endpoint *e, size_t param)
{
    return param < e->param_count && !e->params[param].in_path &&
           !e->params[param].of_each;
}

static void take_pairs(struct reading *r, const struct pair *pairs,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t param = find_param(r->e, pairs[i].name);
        if (takes_pair(r->e, param))
            take_text(r, param, pairs[i].value);
    }
}

/* Copies what lives only until SQLite's next step. */
static void take_copy(struct reading *r, size_t param, const struct raw *raw)
{
    struct buf *text = &r->a->text;
    struct raw copy = *raw;

    if (raw->text.len > 0) {
        copy.text.ptr = text->data + text->len;
        buf_slice(text, raw->text);
    }
    take(r, param, &copy);
}

static bool on_member(void *self, const struct member *m)
{
    struct reading *r = self;
    size_t param = find_param(r->e, m->name);

    if (param < r->e->param_count && !r->e->params[param].in_path &&
        r->e->params[param].of_each == r->of_each)
        take_copy(r, param, &m->raw);
    return true;
}

/* Those not given take their default, or NULL, or are missed. */
static void settle(struct reading *r)
{
    for (size_t i = 0; i < r->e->param_count; i++) {
        const struct param *p = &r->e->params[i];
        if (r->seen >> i & 1)
            continue;
        if (r->e->each && p->of_each != r->of_each)
            continue;
        value_at(r->a, r->set, i)->kind = VALUE_NULL;
        if (p->fallback)
            take_text(r, i, slice_of(p->fallback));
        else if (p->required)
            complain(r, p->name, "is required");
    }
}

static void add_set(struct arguments *a)
{
    size_t size = a->width * sizeof(struct value);

    memset(buf_reserve(&a->values, size + 1), 0, size);
    a->values.len += size;
    a->sets++;
}

/* Path and query values are the same in every element. */
static void copy_shared(struct reading *r)
{
    for (size_t i = 0; i < r->a->width; i++)
        if (!r->e->params[i].of_each)
            *value_at(r->a, r->set, i) = *value_at(r->a, 0, i);
}

static bool on_element(void *self, const struct member *m)
{
    struct reading *r = self;
    const struct json_visitor members = {on_member, r};

    if (r->set + 1 > (size_t)r->e->each_max) {
        r->too_many = true;
        return false;
    }
    if (r->set == r->a->sets)
        add_set(r->a);
    r->seen = 0;
    copy_shared(r);
    if (m->raw.kind != RAW_NESTED ||
        !json_members(r->reader, m->raw.text, &members))
        complain(r, "", "must be an object");
    else
        settle(r);
    r->set++;
    return true;
}

/* Finds the array of @each among the members of the body. */
struct search {
    struct reading *r;
    bool found;
};

static bool on_each_member(void *self, const struct member *m)
{
    struct search *s = self;
    struct reading *r = s->r;
    const struct json_visitor elements = {on_element, r};
    char why[64];

    if (!slice_is(m->name, r->e->each))
        return true;
    s->found = true;
    r->of_each = true;
    r->set = 0;
    if (m->raw.kind != RAW_NESTED ||
        !json_elements(r->reader, m->raw.text, &elements)) {
        r->of_each = false;
        complain(r, r->e->each, "must be an array");
    }
    r->of_each = false;
    snprintf(why, sizeof why, "must have at most %lld elements",
             (long long)r->e->each_max);
    if (r->too_many)
        complain(r, r->e->each, why);
    else if (r->set == 0 && r->a->errors.len == 0)
        complain(r, r->e->each, "must not be empty");
    return false;
}

static int read_each(struct reading *r, struct slice body, struct fault *fault)
{
    struct search search = {r, false};
    const struct json_visitor visitor = {on_each_member, &search};

    settle(r); /* path and query: they are copied into each element */
    if (!json_members(r->reader, body, &visitor)) {
        fault_set(fault, "The body must be a JSON object");
        return 400;
    }
    if (!search.found)
        complain(r, r->e->each, "is required");
    return 0;
}

static int read_json_body(struct reading *r, struct slice body,
                          struct fault *fault)
{
    const struct json_visitor visitor = {on_member, r};

    if (r->e->each)
        return read_each(r, body, fault);
    if (json_members(r->reader, body, &visitor))
        return 0;
    fault_set(fault, "The body must be a JSON object");
    return 400;
}

static int read_form_body(struct reading *r, struct slice body,
                          struct fault *fault)
{
    struct pair pairs[TARGET_PAIRS_MAX];
    size_t count;

    if (!target_pairs(body, &r->a->text, pairs, &count)) {
        fault_set(fault, "The form in the body is malformed");
        return 400;
    }
    take_pairs(r, pairs, count);
    return 0;
}

/* RFC 9110, 8.4: what is compressed must not be read as if it were not. */
static bool is_encoded(const struct request *req)
{
    struct slice coding = request_header(req, "content-encoding");

    return coding.len > 0 && !slice_is_nocase(coding, "identity");
}

static int read_body(struct reading *r, struct fault *fault)
{
    struct slice body = request_body(r->req);
    struct slice type = request_header(r->req, "content-type");
    struct slice media = slice_trim(slice_cut(&type, ';'));
    bool json = slice_is_nocase(media, "application/json") ||
                (media.len > 5 &&
                 slice_is_nocase((struct slice){media.ptr + media.len - 5, 5},
                                 "+json"));

    if (is_encoded(r->req)) {
        fault_set(fault, "The body must not have a Content-Encoding");
        return 415;
    }
    if (json)
        return read_json_body(r, body, fault);
    if (slice_is_nocase(media, "application/x-www-form-urlencoded") &&
        r->e->each == NULL)
        return read_form_body(r, body, fault);
    fault_set(fault, r->e->each ? "The body must be application/json"
                                : "The body must be application/json or "
                                  "application/x-www-form-urlencoded");
    return 415;
}

/* Does a request without any body lack something? */
static bool needs_body(const struct reading *r)
{
    if (r->e->each)
        return true;
    for (size_t i = 0; i < r->e->param_count; i++)
        if (r->e->params[i].required && !(r->seen >> i & 1))
            return true;
    return false;
}

/*
 * Every byte a value can need, so that nothing moves while values point at
 * it: a copy of each text, its decoded form or the copy that its pattern is
 * matched with, and for JSON parameters a string written anew (a control
 * character grows from one byte to six).
 */
static void make_room(struct reading *r)
{
    size_t size = request_body(r->req).len + request_path(r->req).len +
                  request_raw_query(r->req).len;
    size_t sets = r->e->each ? (size_t)r->e->each_max : 1;
    size_t factor = 2;
    size_t fallbacks = 0;

    for (size_t i = 0; i < r->e->param_count; i++) {
        const struct param *p = &r->e->params[i];
        if (p->type == PARAM_JSON)
            factor = 8;
        if (p->fallback && (p->type == PARAM_BLOB || p->pattern))
            fallbacks += strlen(p->fallback) * sets;
    }
    buf_shrink(&r->a->text, TEXT_KEPT);
    buf_reserve(&r->a->text, size * factor + fallbacks + 16);
}

static bool takes_body(const struct endpoint *e)
{
    return e->method == METHOD_POST || e->method == METHOD_PUT ||
           e->method == METHOD_PATCH;
}

int arguments_read(struct arguments *a, struct json *reader,
                   const struct endpoint *e, const struct request *req,
                   struct fault *fault)
{
    struct reading r = {.a = a, .reader = reader, .e = e, .req = req};
    size_t pair_count;
    const struct pair *pairs = request_query(req, &pair_count);
    int status = 0;

    a->width = e->param_count;
    a->sets = 0;
    buf_clear(&a->values);
    buf_clear(&a->errors);
    add_set(a);
    if (e->param_count == 0 && e->each == NULL)
        return 0;
    make_room(&r);
    take_path(&r);
    take_pairs(&r, pairs, pair_count);
    if (request_body(req).len > 0 && takes_body(e)) {
        status = read_body(&r, fault);
    } else if (takes_body(e) && needs_body(&r) && !request_says_length(req)) {
        fault_set(fault, "A body is needed");
        return 411;
    } else if (e->each) {
        complain(&r, e->each, "is required");
    }
    if (status)
        return status;
    if (e->each == NULL)
        settle(&r);
    if (a->errors.len == 0)
        return 0;
    fault_set(fault, "The request's values are not acceptable");
    return 400;
}
