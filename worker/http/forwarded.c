#include <string.h>

#include "worker/http/forwarded.h"

enum { NODE_MAX = 64 }; /* bytes of an address with brackets and port */

/* A list of addresses, read from its left end. */
struct chain {
    const struct networks *trusted;
    struct ip client;
    bool told;
    enum scheme scheme; /* what was said together with the client */
    unsigned hops;
};

struct reading {
    struct chain plain;  /* X-Forwarded-For */
    struct chain tagged; /* Forwarded */
    enum scheme scheme;  /* by the lines about it */
    const char *fault;   /* null: none */
};

/* ---- chains --------------------------------------------------------------*/

/*
 * Another hop; a null `ip` is a hidden one. Whoever comes behind a hop that is
 * not believed is believed himself, or takes its place as the client; whoever
 * comes behind a hidden one begins anew.
 */
static bool add_hop(struct chain *c, const struct ip *ip, enum scheme scheme)
{
    if (++c->hops > FORWARDED_HOPS)
        return false;
    if (ip && c->told && networks_hold(c->trusted, ip))
        return true;
    c->told = ip != NULL;
    c->scheme = scheme;
    if (ip)
        c->client = *ip;
    return true;
}

static bool is_port(struct slice s)
{
    if (s.len == 0 || s.len > 5)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    return true;
}

/* "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80". */
static bool read_node(struct slice node, struct ip *out)
{
    struct slice rest = node;

    if (node.len == 0 || node.len >= NODE_MAX)
        return false;
    if (node.ptr[0] == '[') {
        struct slice inner = slice_cut(&rest, ']');
        inner = (struct slice){inner.ptr + 1, inner.len - 1};
        return rest.ptr && ip_parse(inner, out) &&
               memchr(inner.ptr, ':', inner.len) &&
               (rest.len == 0 ||
                (rest.ptr[0] == ':' &&
                 is_port((struct slice){rest.ptr + 1, rest.len - 1})));
    }
    struct slice host = slice_cut(&rest, ':');
    if (rest.ptr && is_port(rest) && memchr(host.ptr, '.', host.len))
        return ip_parse(host, out);
    return ip_parse(node, out);
}

static void read_plain(struct reading *r, struct slice list)
{
    while (list.ptr) {
        struct slice node = slice_trim(slice_cut(&list, ','));
        struct ip ip;
        bool known = read_node(node, &ip);
        if (node.len > 0 &&
            !add_hop(&r->plain, known ? &ip : NULL, SCHEME_UNSAID)) {
            r->fault = "X-Forwarded-For has too many addresses";
            return;
        }
    }
}

/* ---- the scheme ----------------------------------------------------------*/

static enum scheme scheme_of(struct slice word)
{
    static const char *const secure[] = {"https", "wss", "ssl", "on"};

    for (size_t i = 0; i < sizeof secure / sizeof *secure; i++)
        if (slice_is_nocase(word, secure[i]))
            return SCHEME_HTTPS;
    return SCHEME_HTTP;
}

static void say_scheme(struct reading *r, enum scheme scheme)
{
    if (scheme == SCHEME_UNSAID || scheme == r->scheme)
        return;
    if (r->scheme != SCHEME_UNSAID)
        r->fault = "The proxy's fields contradict each other about https";
    r->scheme = scheme;
}

/* Of a list, the nearest proxy has written the last. */
static void read_scheme(struct reading *r, struct slice list)
{
    const char *comma = memrchr(list.ptr, ',', list.len);

    if (comma)
        list = (struct slice){comma + 1,
                              (size_t)(list.ptr + list.len - comma) - 1};
    say_scheme(r, scheme_of(slice_trim(list)));
}

/* ---- Forwarded (RFC 7239, section 4) -------------------------------------*/

/* One element: what was said of each parameter that matters here. */
struct element {
    bool any;
    bool for_said, proto_said;
    bool known;
    struct ip ip;
    enum scheme scheme;
};

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static struct slice take_token(struct slice *rest)
{
    struct slice token = {rest->ptr, 0};

    while (token.len < rest->len && is_token(token.ptr[token.len]))
        token.len++;
    rest->ptr += token.len;
    rest->len -= token.len;
    return token;
}

static bool take_byte(struct slice *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    rest->ptr++;
    rest->len--;
    return true;
}

/* Without its quotes and backslashes; of a long one the front, which is no
 * address then. False when it is never closed. */
static bool take_quoted(struct slice *rest, char out[NODE_MAX],
                        struct slice *value)
{
    *value = (struct slice){out, 0};
    while (rest->len > 0) {
        char c = rest->ptr[0];
        take_byte(rest, c);
        if (c == '"')
            return true;
        if (c == '\\' && rest->len > 0) {
            c = rest->ptr[0];
            take_byte(rest, c);
        }
        if (value->len < NODE_MAX)
            out[value->len++] = c;
    }
    return false;
}

/* "for=192.0.2.43"; others than for and proto are read and left. */
static bool take_pair(struct slice *rest, struct element *e)
{
    char room[NODE_MAX];
    struct slice name = take_token(rest);
    struct slice value;

    if (name.len == 0 || !take_byte(rest, '='))
        return false;
    if (!take_byte(rest, '"'))
        value = take_token(rest);
    else if (!take_quoted(rest, room, &value))
        return false;
    if (value.len == 0)
        return false;
    if (slice_is_nocase(name, "for")) {
        if (e->for_said)
            return false;
        e->for_said = true;
        e->known = read_node(value, &e->ip);
    } else if (slice_is_nocase(name, "proto")) {
        if (e->proto_said)
            return false;
        e->proto_said = true;
        e->scheme = scheme_of(value);
    }
    return true;
}

/* Up to and with the comma behind it. */
static bool take_element(struct slice *rest, struct element *e)
{
    *e = (struct element){.any = false};
    for (;;) {
        *rest = slice_trim(*rest);
        if (rest->len == 0 || take_byte(rest, ','))
            return true;
        if (take_byte(rest, ';'))
            continue;
        if (!take_pair(rest, e))
            return false;
        e->any = true;
        *rest = slice_trim(*rest);
        if (rest->len > 0 && rest->ptr[0] != ';' && rest->ptr[0] != ',')
            return false;
    }
}

static void read_tagged(struct reading *r, struct slice list)
{
    struct element e;

    while (list.len > 0) {
        if (!take_element(&list, &e))
            r->fault = "Forwarded is malformed";
        else if (e.any &&
                 !add_hop(&r->tagged, e.known ? &e.ip : NULL, e.scheme))
            r->fault = "Forwarded has too many addresses";
        if (r->fault)
            return;
    }
}

/* ---- the whole -----------------------------------------------------------*/

/* Told apart by length first: of nearly all fields, that is all. */
static void read_field(struct reading *r, const struct pair *field,
                       struct forwarded *out)
{
    switch (field->name.len) {
    case sizeof "Forwarded" - 1:
        if (slice_is_nocase(field->name, "Forwarded"))
            read_tagged(r, field->value);
        break;
    case sizeof "X-Request-ID" - 1:
        if (!out->request_id.ptr &&
            slice_is_nocase(field->name, "X-Request-ID"))
            out->request_id = field->value;
        break;
    case sizeof "X-Forwarded-For" - 1:
        if (slice_is_nocase(field->name, "X-Forwarded-For"))
            read_plain(r, field->value);
        else if (slice_is_nocase(field->name, "X-Forwarded-Ssl"))
            read_scheme(r, field->value);
        break;
    case sizeof "X-Forwarded-Proto" - 1:
        if (slice_is_nocase(field->name, "X-Forwarded-Proto"))
            read_scheme(r, field->value);
        break;
    case sizeof "X-Forwarded-Protocol" - 1:
        if (slice_is_nocase(field->name, "X-Forwarded-Protocol"))
            read_scheme(r, field->value);
        break;
    default: break;
    }
}

static void agree(struct reading *r, struct forwarded *out)
{
    const struct chain *told = r->tagged.told ? &r->tagged : &r->plain;

    if (r->tagged.told && r->plain.told &&
        memcmp(&r->tagged.client, &r->plain.client, sizeof(struct ip)) != 0)
        r->fault = "Forwarded and X-Forwarded-For contradict each other; of "
                   "the two a proxy sets one, and takes the other away";
    say_scheme(r, r->tagged.scheme);
    if (r->fault)
        return;
    out->scheme = r->scheme;
    if (told->told)
        ip_text(&told->client, out->client);
}

bool forwarded_read(const struct networks *trusted, const struct request *req,
                    struct forwarded *out, const char **reason)
{
    struct reading r = {.plain = {.trusted = trusted},
                        .tagged = {.trusted = trusted}};
    struct pair field;

    *out = (struct forwarded){.scheme = SCHEME_UNSAID};
    for (size_t i = 0; r.fault == NULL && request_field(req, i, &field); i++)
        read_field(&r, &field, out);
    if (r.fault == NULL)
        agree(&r, out);
    *reason = r.fault;
    return r.fault == NULL;
}
