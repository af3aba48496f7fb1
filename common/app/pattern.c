#include <assert.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/pattern.h"

/* A walk over the pattern that adds up how large it is when written out. */
struct walk {
    struct slice text;
    size_t at;
    int64_t sum[PATTERN_DEPTH_MAX + 1]; /* of the groups now open */
    size_t depth;
    int64_t last; /* the atom that a repetition would multiply */
};

/* Behind the "[…]" that starts here: a ']' that comes first is a member, and
 * "[:alpha:]" and its like may stand inside. */
static bool pass_bracket(struct walk *w)
{
    const char *p = w->text.ptr;
    size_t n = w->text.len;
    size_t at = w->at + 1;

    at += at < n && p[at] == '^';
    at += at < n && p[at] == ']';
    while (at < n && p[at] != ']') {
        if (p[at] == '[' && at + 1 < n && strchr(":.=", p[at + 1])) {
            const char close[] = {p[at + 1], ']', '\0'};
            const char *end = memmem(p + at + 2, n - at - 2, close, 2);
            if (end == NULL)
                return false;
            at = (size_t)(end - p) + 1;
        }
        at++;
    }
    w->at = at + 1;
    return at < n;
}

static int64_t number(struct walk *w)
{
    int64_t n = 0;

    for (; w->at < w->text.len; w->at++) {
        char c = w->text.ptr[w->at];
        if (c < '0' || c > '9')
            break;
        n = n < PATTERN_COST_MAX ? n * 10 + (c - '0') : n;
    }
    return n;
}

/* The last atom stands there `times` as often: regcomp copies it. */
static void multiply(struct walk *w, int64_t times)
{
    w->sum[w->depth] += w->last * (times - 1);
    w->last *= times;
}

/* "{m}" "{m,n}", and "{m,}", which is m and a star: one copy more. Whether it
 * is well-formed is for regcomp to say. */
static void repeat(struct walk *w)
{
    int64_t most;

    w->at++;
    most = number(w);
    if (w->at < w->text.len && w->text.ptr[w->at] == ',') {
        w->at++;
        int64_t high = number(w);
        most = high > most ? high : most + 1;
    }
    multiply(w, most > 1 ? most : 1);
}

/* "a+" is "aa*", so that "a+++" is as long as eight. */
static void plus(struct walk *w)
{
    w->at++;
    multiply(w, 2);
}

static void atom(struct walk *w)
{
    w->at++;
    w->last = 1;
    w->sum[w->depth]++;
}

static bool escape(struct walk *w, struct fault *fault)
{
    if (w->at + 1 == w->text.len)
        return fault_set(fault, "the pattern ends with '\\'");
    w->at++;
    if (w->text.ptr[w->at] >= '0' && w->text.ptr[w->at] <= '9')
        return fault_set(fault, "back-references are not allowed in patterns");
    atom(w);
    return true;
}

static bool open_group(struct walk *w, struct fault *fault)
{
    if (w->depth == PATTERN_DEPTH_MAX)
        return fault_set(fault, "the pattern nests more than %d groups",
                         PATTERN_DEPTH_MAX);
    w->at++;
    w->sum[++w->depth] = 1;
    return true;
}

/* "a)|(b" would be balanced only inside our own "^(" and ")$". */
static bool close_group(struct walk *w, struct fault *fault)
{
    if (w->depth == 0)
        return fault_set(fault, "the pattern has a ')' without '('");
    w->at++;
    w->last = w->sum[w->depth--];
    w->sum[w->depth] += w->last;
    return true;
}

static bool bracket(struct walk *w, struct fault *fault)
{
    if (!pass_bracket(w))
        return fault_set(fault, "the pattern has a '[' without ']'");
    w->last = 1;
    w->sum[w->depth]++;
    return true;
}

static bool step(struct walk *w, struct fault *fault)
{
    switch (w->text.ptr[w->at]) {
    case '\\': return escape(w, fault);
    case '(': return open_group(w, fault);
    case ')': return close_group(w, fault);
    case '[': return bracket(w, fault);
    case '{': repeat(w); return true;
    case '+': plus(w); return true;
    case '*':
    case '?': w->at++; return true;
    default: atom(w); return true;
    }
}

/* Stops at the first step over the limit, so that no sum can overflow. */
static bool affordable(struct slice pattern, struct fault *fault)
{
    struct walk w = {.text = pattern, .last = 1};

    while (w.at < pattern.len) {
        if (!step(&w, fault))
            return false;
        if (w.sum[w.depth] > PATTERN_COST_MAX || w.last > PATTERN_COST_MAX)
            return fault_set(fault, "the pattern repeats too much");
    }
    return w.depth == 0 || fault_set(fault, "the pattern has an open '('");
}

enum { SPEND = 4096 }; /* bytes matched before it is compiled anew */

struct pattern {
    regex_t regex;
    char *source; /* "^(pattern)$" */
    size_t spent;
};

static bool compile(struct pattern *p, struct fault *fault)
{
    char reason[128];
    int code = regcomp(&p->regex, p->source, REG_EXTENDED | REG_NOSUB);

    if (code == 0)
        return true;
    regerror(code, &p->regex, reason, sizeof reason);
    return fault_set(fault, "the pattern does not compile: %s", reason);
}

struct pattern *pattern_new(struct slice pattern, struct fault *fault)
{
    if (pattern.len == 0)
        fault_set(fault, "the pattern is empty");
    else if (pattern.len > PATTERN_BYTES_MAX)
        fault_set(fault, "the pattern is longer than %d bytes",
                  PATTERN_BYTES_MAX);
    if (pattern.len == 0 || pattern.len > PATTERN_BYTES_MAX ||
        !affordable(pattern, fault))
        return NULL;
    struct pattern *p = calloc(1, sizeof *p);
    assert(p != NULL);
    if (asprintf(&p->source, "^(%.*s)$", (int)pattern.len, pattern.ptr) < 0)
        abort();
    if (compile(p, fault))
        return p;
    free(p->source);
    free(p);
    return NULL;
}

void pattern_free(struct pattern *p)
{
    if (p == NULL)
        return;
    regfree(&p->regex);
    free(p->source);
    free(p);
}

static void refresh(struct pattern *p, size_t len)
{
    struct fault ignored;

    p->spent += len;
    if (p->spent < SPEND)
        return;
    regfree(&p->regex);
    bool ok = compile(p, &ignored);
    assert(ok); /* it did before */
    p->spent = len;
}

bool pattern_matches(struct pattern *p, struct slice value)
{
    char text[PATTERN_VALUE_MAX + 1];

    if (value.len > PATTERN_VALUE_MAX ||
        (value.len > 0 && memchr(value.ptr, '\0', value.len)))
        return false;
    refresh(p, value.len);
    if (value.len > 0)
        memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    return regexec(&p->regex, text, 0, NULL, 0) == 0;
}
