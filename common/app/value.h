/*
 * value: what a client wrote for one declared parameter, checked against its
 * declaration and turned into what SQL binds. Pure.
 */
#ifndef PRONG_VALUE_H
#define PRONG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/app/app.h"
#include "common/buf.h"
#include "common/text.h"

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

/* Ready to bind. `text` lies in the scratch buffer or in the request. */
struct value {
    enum value_kind kind;
    int64_t integer;
    double real;
    struct slice text;
};

/* How it was written: a URL or a form knows only text; JSON has types. */
enum raw_kind {
    RAW_TEXT,    /* from path, query or form */
    RAW_STRING,  /* JSON string, unescaped */
    RAW_INTEGER, /* JSON number without fraction that fits 64 bits */
    RAW_REAL,    /* any other JSON number */
    RAW_BOOLEAN, /* integer is 0 or 1 */
    RAW_NULL,
    RAW_NESTED, /* JSON array or object, as JSON text */
};

struct raw {
    enum raw_kind kind;
    struct slice text;
    int64_t integer;
    double real;
};

/*
 * Checks and converts. On a fault returns false and *why says it in words
 * for the client ("must be at least 1"). A JSON null becomes VALUE_NULL for
 * an optional parameter and a fault for a required one. Decoded blobs are
 * appended to `scratch`, whose room the caller has made (raw->text.len + 1).
 * PARAM_JSON given as text is not parsed here: that takes a JSON parser.
 */
bool value_read(const struct param *p, const struct raw *raw,
                struct buf *scratch, struct value *out, struct fault *why);

/* The steps of it, which a declaration's own values pass one by one: the
 * type; min and max; the choices. */
bool value_parse(const struct param *p, const struct raw *raw,
                 struct buf *scratch, struct value *out, struct fault *why);
bool value_in_range(const struct param *p, const struct value *v,
                    struct fault *why);
bool value_in_choices(const struct param *p, const struct value *v,
                      struct fault *why);

#endif
