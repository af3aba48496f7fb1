#include <string.h>

#include "worker/http/json.h"

#include "worker/backupname.h"

struct reading {
    char *out;
    struct fault *why;
    bool refused;
};

static bool is_name_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool is_name(struct slice s)
{
    if (s.len == 0 || s.len >= BACKUPNAME_ROOM || s.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_name_byte(s.ptr[i]))
            return false;
    return true;
}

static bool refuse(struct reading *r, const char *reason)
{
    r->refused = true;
    return fault_set(r->why, "%s", reason);
}

/* What is unknown is refused: a slip of the pen shall not become a backup of
 * another name. */
static bool take(struct reading *r, struct slice name, struct slice value)
{
    if (!slice_is(name, "file"))
        return refuse(r, "A backup takes \"file\" and nothing else");
    if (r->out[0] != '\0')
        return refuse(r, "\"file\" is there twice");
    if (!is_name(value))
        return refuse(r, "\"file\" must be a bare name of 1 to 200 letters, "
                         "digits, dots, - and _, with no dot in front");
    memcpy(r->out, value.ptr, value.len);
    r->out[value.len] = '\0';
    return true;
}

/* What is no string has no text that would pass for a name. */
static bool on_member(void *self, const struct member *m)
{
    return take(self, m->name, m->raw.text);
}

/* A reader of its own: opening one costs nothing beside a backup. */
static bool take_body(struct reading *r, struct slice body)
{
    const struct json_visitor visitor = {on_member, r};
    struct json *reader = json_new(r->why);

    if (reader == NULL)
        return false;
    if (!json_members(reader, body, &visitor))
        refuse(r, "The body must be a JSON object");
    json_free(reader);
    return !r->refused;
}

bool backupname_read(const struct request *req, char out[BACKUPNAME_ROOM],
                     struct fault *why)
{
    struct reading r = {.out = out, .why = why};
    struct slice body = slice_trim(request_body(req));
    size_t count;
    const struct pair *pairs = request_query(req, &count);

    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        if (!take(&r, pairs[i].name, pairs[i].value))
            return false;
    return body.len == 0 || take_body(&r, body);
}
