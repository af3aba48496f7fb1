/*
 * json: reads JSON through SQLite's JSON functions (sqlite.org/json1.html),
 * on a connection of its own in memory: it takes no lock and no file.
 */
#ifndef PRONG_JSON_H
#define PRONG_JSON_H

#include <stdbool.h>

#include "common/app/value.h"
#include "common/text.h"

struct json;

/* Walks inside walks: an object, an array in it, the objects in that. */
enum { JSON_DEPTH = 3 };

/* Null with the reason. One a worker. */
struct json *json_new(struct fault *fault);
void json_free(struct json *j); /* null is allowed */

/* One member of an object or element of an array. Slices live until the
 * callback returns. */
struct member {
    struct slice name; /* of a member; empty for an element */
    struct raw raw;
};

/* Calls on_member for each in order while it returns true. */
struct json_visitor {
    bool (*on_member)(void *self, const struct member *m);
    void *self;
};

/*
 * The members of an object. False when the text is not JSON in UTF-8, is not
 * an object, or holds an escaped NUL (which SQLite would cut a string at); a
 * callback that returned false ends the walk, which is no failure. Callbacks
 * may walk in turn, JSON_DEPTH deep.
 */
bool json_members(struct json *j, struct slice text,
                  const struct json_visitor *visitor);
/* The elements of an array, likewise. */
bool json_elements(struct json *j, struct slice text,
                   const struct json_visitor *visitor);

bool json_valid(struct json *j, struct slice text);

#endif
