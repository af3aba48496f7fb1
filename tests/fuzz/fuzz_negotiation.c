/*
 * Fields by which clients choose, from hostile text. An input is four lines:
 * the values of Accept-Encoding, Accept, If-None-Match and traceparent. What
 * is understood of one must fit what is understood of it with more behind.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "worker/http/accept.h"
#include "worker/http/conditions.h"
#include "worker/http/encoding.h"
#include "worker/http/traceparent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAG  "\"5f-2a\""
#define GZIP "\"5f-2a-gz\""

/* ---- Accept-Encoding and Accept ------------------------------------------*/

static bool accepts_with(struct slice field, const char *more)
{
    static struct buf text;

    buf_clear(&text);
    buf_slice(&text, field);
    buf_string(&text, more);
    return encoding_accepts_gzip(buf_view(&text));
}

/* The last word about a coding counts. */
static void check_encoding(struct slice field)
{
    bool gzip = encoding_accepts_gzip(field);

    assert(accepts_with(field, ", ,") == gzip);
    assert(!accepts_with(field, ", gzip;q=0"));
    assert(accepts_with(field, ", gzip"));
    assert(accepts_with(field, ", gzip;q=0.001, identity;q=0"));
    assert(!accepts_with(field, ", gzip;q=0.5, identity;q=0.501"));
    if (gzip)
        assert(accepts_with(field, ", identity;q=0"));
}

/* The first word about a form counts. */
static void check_accept(struct slice field)
{
    static struct buf text;

    assert(accept_form(field) < FORM_COUNT);
    assert(form_type(accept_form(field)) != NULL);
    buf_clear(&text);
    buf_string(&text, "application/json;q=0, application/x-ndjson;q=0, "
                      "text/csv;q=0.1,");
    buf_slice(&text, field);
    assert(accept_form(buf_view(&text)) == FORM_CSV);
}

/* ---- conditions ----------------------------------------------------------*/

/* A GET with that list, and perhaps another line; null when the parser
 * refuses such bytes. */
static const struct request *request_with(const char *name, struct slice list,
                                          const char *line)
{
    static const struct request_limits limits = {
        .line = 100, .fields = 10, .field_size = 1 << 15, .body = 0};
    static struct request *req;
    static struct buf in;

    if (req == NULL)
        req = request_new(&limits);
    request_reset(req);
    buf_clear(&in);
    buf_format(&in, "GET / HTTP/1.1\r\nHost: a\r\n%s: ", name);
    buf_slice(&in, list);
    buf_format(&in, "\r\n%s\r\n", line);
    return request_feed(req, &in) == REQUEST_COMPLETE ? req : NULL;
}

static void check_none_match(struct slice list)
{
    const struct request *req = request_with("If-None-Match", list, "");

    if (req == NULL)
        return;
    assert(conditions_present(req));
    int status = conditions_tag(req, SLICE(TAG));
    bool goes = conditions_match(req, SLICE(TAG));
    bool other = conditions_tag(req, SLICE(GZIP)) == 304;
    assert(status == 200 || status == 304);
    assert(goes == (status == 200 && !other));
    assert(conditions_match(req, slice_of(NULL)));

    req = request_with("If-None-Match", list, "If-None-Match: \"x\"\r\n");
    assert(req && conditions_tag(req, SLICE(TAG)) == status);
    req = request_with("If-None-Match", list, "if-none-match: W/" TAG "\r\n");
    assert(req && conditions_tag(req, SLICE(TAG)) == 304);
}

/* Strong comparison finds no more than weak. */
static void check_match(struct slice list)
{
    const struct request *req = request_with("If-None-Match", list, "");
    bool weak = req && !conditions_match(req, SLICE(TAG));

    req = request_with("If-Match", list, "");
    if (req == NULL)
        return;
    bool strong = conditions_match(req, SLICE(TAG));
    assert(!strong || weak);
    assert(!conditions_match(req, slice_of(NULL)));
    if (conditions_tag(req, SLICE(TAG)) == 200)
        assert(strong);
    req = request_with("If-Match", list, "If-Match: " GZIP "\r\n");
    assert(req && conditions_match(req, SLICE(TAG)));
}

/* ---- traceparent ---------------------------------------------------------*/

static void check_traceparent(struct slice field)
{
    static struct buf text;
    struct traceparent t, again;

    if (!traceparent_read(field, &t))
        return;
    assert(strspn(t.trace, "0123456789abcdef") == 32 && !t.trace[32]);
    assert(strspn(t.parent, "0123456789abcdef") == 16 && !t.parent[16]);
    assert(strspn(t.trace, "0") < 32 && strspn(t.parent, "0") < 16);
    buf_clear(&text);
    buf_format(&text, "00-%s-%s-%02x", t.trace, t.parent, t.flags);
    assert(traceparent_read(buf_view(&text), &again));
    assert(strcmp(t.trace, again.trace) == 0);
    assert(strcmp(t.parent, again.parent) == 0 && t.flags == again.flags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};

    check_encoding(slice_cut(&rest, '\n'));
    check_accept(slice_cut(&rest, '\n'));
    struct slice list = slice_cut(&rest, '\n');
    check_none_match(list);
    check_match(list);
    check_traceparent(rest);
    return 0;
}
