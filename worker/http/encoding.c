#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "common/log.h"

#include "worker/http/encoding.h"

enum {
    GZIP_WRAP = 15 + 16, /* zlib's number for: 32 KiB window, gzip's frame */
    MEMORY = 8,          /* zlib's usual: 128 KiB beside the window's 128 */
    WHOLE = 1000,        /* a weight of 1, in thousandths */
    NOT_NAMED = -1,
};

struct encoder {
    struct encoding_config config;
    bool begun; /* the stream has its memory */
    z_stream stream;
};

struct encoder *encoder_new(const struct encoding_config *config)
{
    struct encoder *e = calloc(1, sizeof *e);

    assert(e != NULL);
    assert(config->level >= 1 && config->level <= 9);
    e->config = *config;
    return e;
}

void encoder_free(struct encoder *e)
{
    if (e && e->begun)
        deflateEnd(&e->stream);
    free(e);
}

/* ---- what shrinks --------------------------------------------------------*/

static bool begins_with(struct slice s, const char *part)
{
    size_t len = strlen(part);

    return s.len >= len && slice_is_nocase((struct slice){s.ptr, len}, part);
}

static bool ends_with(struct slice s, const char *part)
{
    size_t len = strlen(part);

    return s.len >= len &&
           slice_is_nocase((struct slice){s.ptr + s.len - len, len}, part);
}

/* Pictures, sound, WOFF and archives are compressed already. */
static bool type_shrinks(const char *type)
{
    static const char *const others[] = {
        "application/json",
        "application/x-ndjson",
        "application/javascript",
        "application/xml",
        "application/wasm",
        "application/openmetrics-text",
        "application/vnd.ms-fontobject",
        "font/ttf",
        "font/otf",
        "image/bmp",
    };
    struct slice rest = slice_of(type);
    struct slice name = slice_trim(slice_cut(&rest, ';'));

    if (begins_with(name, "text/") || ends_with(name, "+json") ||
        ends_with(name, "+xml"))
        return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (slice_is_nocase(name, others[i]))
            return true;
    return false;
}

bool encoder_suits(const struct encoder *e, const char *type, size_t len)
{
    return e && e->config.on && type && len >= e->config.min_length &&
           type_shrinks(type);
}

/* ---- gzip ----------------------------------------------------------------*/

static void stream_begin(struct encoder *e)
{
    int result = e->begun
                     ? deflateReset(&e->stream)
                     : deflateInit2(&e->stream, e->config.level, Z_DEFLATED,
                                    GZIP_WRAP, MEMORY, Z_DEFAULT_STRATEGY);

    if (result == Z_MEM_ERROR) {
        log_critical("Out of memory: 256 KiB for compression");
        abort();
    }
    assert(result == Z_OK);
    e->begun = true;
}

/* The room is one byte less than the bytes have: what does not fit there is
 * given up as soon as that shows. */
bool encoder_gzip(struct encoder *e, struct slice bytes, struct buf *out)
{
    if (bytes.len < 2 || bytes.len > UINT_MAX)
        return false;
    stream_begin(e);
    size_t room = bytes.len - 1;
    e->stream.next_out = (Bytef *)buf_reserve(out, room);
    e->stream.avail_out = (uInt)room;
    e->stream.next_in = (const Bytef *)bytes.ptr;
    e->stream.avail_in = (uInt)bytes.len;
    if (deflate(&e->stream, Z_FINISH) != Z_STREAM_END)
        return false;
    out->len += room - e->stream.avail_out;
    return true;
}

/* ---- what a client takes -------------------------------------------------*/

/* "0", "0.5", "1.000" (RFC 9110, 12.4.2), in thousandths; anything else is
 * worth nothing. */
static int weight_read(struct slice s)
{
    int weight = 0;
    int place = WHOLE;

    if (s.len == 0 || s.len > strlen("0.999") || (s.len > 1 && s.ptr[1] != '.'))
        return 0;
    for (size_t i = 0; i < s.len; i++) {
        if (i == 1)
            continue;
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return 0;
        weight += (s.ptr[i] - '0') * place;
        place /= 10;
    }
    return weight <= WHOLE ? weight : 0;
}

/* Of what stands behind a coding's ';', if there is one: nothing but a
 * weight may. */
static int weight_of(struct slice rest)
{
    if (rest.ptr == NULL)
        return WHOLE;
    struct slice value = slice_trim(rest);
    struct slice name = slice_cut(&value, '=');
    return slice_is_nocase(name, "q") ? weight_read(value) : 0;
}

/* Browsers (the second without TLS), curl, Go; in the words they use. */
static bool is_usual(struct slice field)
{
    return slice_equal(field, SLICE("gzip, deflate, br, zstd")) ||
           slice_equal(field, SLICE("gzip, deflate")) ||
           slice_equal(field, SLICE("gzip, deflate, br")) ||
           slice_equal(field, SLICE("deflate, gzip, br, zstd")) ||
           slice_equal(field, SLICE("deflate, gzip")) ||
           slice_equal(field, SLICE("gzip"));
}

bool encoding_accepts_gzip(struct slice field)
{
    int gzip = NOT_NAMED;
    int identity = NOT_NAMED;
    int others = NOT_NAMED;

    if (field.len == 0)
        return false;
    if (is_usual(field))
        return true;
    while (field.ptr) {
        struct slice rest = slice_cut(&field, ',');
        struct slice name = slice_trim(slice_cut(&rest, ';'));
        if (slice_is_nocase(name, "gzip") || slice_is_nocase(name, "x-gzip"))
            gzip = weight_of(rest);
        else if (slice_is_nocase(name, "identity"))
            identity = weight_of(rest);
        else if (slice_is(name, "*"))
            others = weight_of(rest);
    }
    if (gzip == NOT_NAMED)
        gzip = others;
    if (identity == NOT_NAMED)
        identity = others; /* not named either: whatever gzip has, is more */
    return gzip > 0 && gzip >= identity;
}
