#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "worker/http/router.h"

struct node;

/* A child and the literal that leads to it, side by side: a search among a
 * thousand of them looks at ten. */
struct branch {
    struct slice literal;
    struct node *node;
};

/* One place in the tree: a prefix of paths, cut between segments. */
struct node {
    struct branch *branches; /* by length and bytes of their literals */
    size_t branch_count;
    struct node *any; /* child reached by a {parameter} */
    int ids[METHOD_COUNT];
    unsigned allowed; /* bits of the methods in ids */
};

struct router {
    struct arena *arena;
    struct node *root;
};

static struct node *new_node(struct router *r)
{
    struct node *n = arena_alloc(r->arena, sizeof *n);

    for (size_t m = 0; m < METHOD_COUNT; m++)
        n->ids[m] = ROUTE_NONE;
    return n;
}

struct router *router_new(void)
{
    struct arena *arena = arena_new();
    struct router *r = arena_alloc(arena, sizeof *r);

    r->arena = arena;
    r->root = new_node(r);
    return r;
}

void router_free(struct router *r)
{
    if (r)
        arena_free(r->arena);
}

static int compare(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/* Where a literal stands among the branches, or would stand. */
static size_t place_of(const struct node *n, struct slice literal)
{
    size_t low = 0;
    size_t high = n->branch_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(n->branches[middle].literal, literal) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct node *literal_child(const struct node *n, struct slice segment)
{
    size_t at = place_of(n, segment);

    if (at < n->branch_count && compare(n->branches[at].literal, segment) == 0)
        return n->branches[at].node;
    return NULL;
}

static struct node *add_branch(struct router *r, struct node *n,
                               struct slice literal)
{
    size_t at = place_of(n, literal);

    n->branches =
        arena_grow(r->arena, n->branches, n->branch_count, sizeof *n->branches);
    memmove(n->branches + at + 1, n->branches + at,
            (n->branch_count++ - at) * sizeof *n->branches);
    n->branches[at] = (struct branch){literal, new_node(r)};
    return n->branches[at].node;
}

static struct node *child_for(struct router *r, struct node *n,
                              struct slice segment)
{
    if (segment.len > 0 && segment.ptr[0] == '{') {
        if (n->any == NULL)
            n->any = new_node(r);
        return n->any;
    }
    struct node *c = literal_child(n, segment);
    return c ? c : add_branch(r, n, segment);
}

bool router_add(struct router *r, enum method method, const char *path, int id)
{
    struct slice rest = slice_of(path + 1);
    struct node *n = r->root;

    while (rest.ptr)
        n = child_for(r, n, slice_cut(&rest, '/'));
    if (n->ids[method] != ROUTE_NONE)
        return false;
    n->ids[method] = id;
    n->allowed |= 1U << method;
    return true;
}

/* The node for the segments from s to end that serves the method; methods of
 * every node that fits are gathered on the way. */
static const struct node *find(const struct node *n, enum method method,
                               const struct slice *s, const struct slice *end,
                               unsigned *allowed)
{
    const struct node *found = NULL;
    const struct node *other = NULL;

    if (s == end) {
        *allowed |= n->allowed;
        return n->ids[method] == ROUTE_NONE ? NULL : n;
    }
    const struct node *c = literal_child(n, *s);
    if (c)
        found = find(c, method, s + 1, end, allowed);
    if (n->any && s->len > 0)
        other = find(n->any, method, s + 1, end, allowed);
    return found ? found : other;
}

int router_find(const struct router *r, enum method method,
                const struct slice *segments, size_t count, unsigned *allowed)
{
    *allowed = 0;
    const struct node *n =
        find(r->root, method, segments, segments + count, allowed);
    return n ? n->ids[method] : ROUTE_NONE;
}

void router_allow(unsigned allowed, char out[64])
{
    size_t at = 0;

    for (unsigned m = 0; m < METHOD_COUNT; m++)
        if (allowed & (1U << m))
            at += (size_t)snprintf(out + at, 64 - at, "%s%s, ",
                                   method_name((enum method)m),
                                   m == METHOD_GET ? ", HEAD" : "");
    snprintf(out + at, 64 - at, "OPTIONS");
}
