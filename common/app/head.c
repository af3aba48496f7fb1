#include <string.h>

#include "common/app/paramdecl.h"
#include "common/app/urlpath.h"

#include "common/app/head.h"

static bool in_path(const struct endpoint *e, const char *name)
{
    struct slice param;

    for (size_t i = 0; (param = urlpath_param(slice_of(e->path), i)).ptr; i++)
        if (slice_is(param, name))
            return true;
    return false;
}

static bool is_declared(const struct endpoint *e, struct slice name)
{
    for (size_t i = 0; i < e->param_count; i++)
        if (slice_is(name, e->params[i].name))
            return true;
    return false;
}

/* Counted at once, so that who gives an endpoint back finds its patterns. */
static void add_param(struct head *head, const struct param *p)
{
    struct endpoint *e = head->endpoint;

    e->params =
        arena_grow(head->arena, e->params, e->param_count, sizeof *e->params);
    e->params[e->param_count] = *p;
    head->param_lines[e->param_count++] = head->line;
}

bool head_param(struct head *head, struct slice rest, struct fault *fault)
{
    struct endpoint *e = head->endpoint;
    struct param p;

    if (e->param_count == APP_PARAMS_MAX)
        return fault_set(fault, "more than %d parameters", APP_PARAMS_MAX);
    if (!paramdecl_parse(head->arena, rest, &p, fault))
        return false;
    bool again = is_declared(e, slice_of(p.name));
    p.in_path = in_path(e, p.name);
    p.required = p.required || p.in_path;
    add_param(head, &p);
    if (again)
        return fault_set(fault, "the parameter \"%s\" is declared twice",
                         p.name);
    if (p.in_path && p.fallback)
        return fault_set(fault,
                         "the parameter \"%s\" stands in the path and needs "
                         "no default",
                         p.name);
    return true;
}

/* The path's parameters that no @param declares are required texts. */
static bool declare_path(struct head *head, struct fault *fault)
{
    struct endpoint *e = head->endpoint;
    struct slice name;

    head->line = e->line;
    for (size_t i = 0; (name = urlpath_param(slice_of(e->path), i)).ptr; i++) {
        struct param p = {
            .type = PARAM_TEXT, .required = true, .in_path = true};
        if (is_declared(e, name))
            continue;
        if (!paramdecl_name(name, fault))
            return false;
        if (e->param_count == APP_PARAMS_MAX)
            return fault_set(fault, "more than %d parameters", APP_PARAMS_MAX);
        p.name = arena_text(head->arena, name);
        add_param(head, &p);
    }
    return true;
}

static bool check_auth(struct head *head, struct fault *fault)
{
    const struct endpoint *e = head->endpoint;

    head->line = e->line;
    if (e->method == METHOD_GET || e->auth)
        return true;
    return fault_set(fault,
                     "%s %s names no @auth: say `-- @auth public` to leave it "
                     "open",
                     method_name(e->method), e->path);
}

static bool check_warm(struct head *head, struct fault *fault)
{
    const struct endpoint *e = head->endpoint;

    head->line = head->said[DIRECTIVE_WARM];
    if (!e->warm)
        return true;
    if (e->auth && strcmp(e->auth, "public") != 0)
        return fault_set(fault, "@warm does not go with @auth %s", e->auth);
    for (size_t i = 0; i < e->param_count; i++)
        if (e->params[i].required)
            return fault_set(fault,
                             "@warm does not go with the required parameter "
                             "\"%s\"",
                             e->params[i].name);
    return e->cache_ms > 0 ||
           fault_set(fault, "@warm needs @cache: there is nothing to keep");
}

void head_remark(struct head *head, struct slice line)
{
    head->remarks = arena_grow(head->arena, head->remarks, head->remark_count,
                               sizeof *head->remarks);
    head->remarks[head->remark_count++] = line;
}

/* An empty line is a paragraph's end, but not at the front or the back. */
static void trim_remarks(struct head *head)
{
    while (head->remark_count > 0 && head->remarks[0].len == 0) {
        head->remarks++;
        head->remark_count--;
    }
    while (head->remark_count > 0 &&
           head->remarks[head->remark_count - 1].len == 0)
        head->remark_count--;
}

static const char *description(struct head *head)
{
    size_t length = 0;
    char *text;

    trim_remarks(head);
    for (size_t i = 0; i < head->remark_count; i++)
        length += head->remarks[i].len + 1;
    text = arena_alloc(head->arena, length + 1);
    length = 0;
    for (size_t i = 0; i < head->remark_count; i++) {
        struct slice line = head->remarks[i];
        if (i > 0)
            text[length++] = '\n';
        if (line.len > 0)
            memcpy(text + length, line.ptr, line.len);
        length += line.len;
    }
    return text;
}

bool head_finish(struct head *head, struct fault *fault)
{
    struct endpoint *e = head->endpoint;

    e->description = description(head);
    if (head->job)
        return true;
    if (!declare_path(head, fault) || !check_auth(head, fault) ||
        !check_warm(head, fault))
        return false;
    for (size_t i = 0; i < e->param_count; i++)
        e->params[i].of_each = e->each && !e->params[i].in_path;
    head->line = head->said[DIRECTIVE_SORT];
    return !e->sort || !e->page.keys ||
           fault_set(fault, "@sort does not go with @page key=…");
}
