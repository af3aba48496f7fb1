#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/segment/tables.h"

#include "worker/endpoint/kept.h"

/* A kept value: this, its dependencies, headers, body, gzip form. */
struct kept_head {
    uint64_t epoch;
    uint64_t fresh_until_ms; /* CLOCK_MONOTONIC */
    uint64_t while_until_ms;
    uint64_t error_until_ms;
    uint32_t headers, body, gzip; /* bytes */
    uint16_t status;
    uint8_t form;    /* enum form: the type */
    uint8_t shrinks; /* worth compressing */
    uint32_t dependencies;
    char tag[ANSWER_TAG];
};

struct dependency {
    uint64_t version;
    uint64_t table;
};

/* A copy of head and dependencies, which nobody can change any more. */
struct known {
    struct kept_head head;
    struct dependency dependencies[KEPT_TABLES_MAX];
};

struct kept {
    struct kept_config config;
    bool compresses;
    struct known last; /* of what kept_find found */
    struct buf key;
    struct buf body; /* of an answer that is compressed later on */
    struct buf gzip;
};

struct kept *kept_new(const struct kept_config *config)
{
    struct kept *k = calloc(1, sizeof *k);

    assert(k != NULL);
    k->config = *config;
    k->compresses =
        encoder_suits(config->encoder, form_type(FORM_JSON), SIZE_MAX);
    return k;
}

void kept_free(struct kept *k)
{
    if (k == NULL)
        return;
    buf_free(&k->key);
    buf_free(&k->body);
    buf_free(&k->gzip);
    free(k);
}

/* ---- finding ------------------------------------------------------------ */

/* The file's number is in it: what was read from a database that another one
 * replaced is not found any more, by those who have noticed. So is whether
 * answers are compressed, which a reload may change. */
struct cache_key kept_key(struct kept *k, const struct question *q)
{
    uint64_t file = db_identity(k->config.db);

    buf_clear(&k->key);
    buf_add(&k->key, &file, sizeof file);
    buf_byte(&k->key, k->compresses ? 'z' : '-');
    question_key(q, &k->key);
    return (struct cache_key){
        .bytes = buf_view(&k->key),
        .hash =
            hash_seeded(buf_view(&k->key), cache_seed(k->config.shared->cache)),
    };
}

/* Lays the parts out; false when the lengths are not those of the view. */
static bool lay_out(const struct kept_head *h, const struct cache_view *view,
                    struct answer *a)
{
    const char *at =
        view->value + sizeof *h + h->dependencies * sizeof(struct dependency);
    uint64_t len = sizeof *h + h->dependencies * sizeof(struct dependency);

    len += (uint64_t)h->headers + h->body + h->gzip;
    if (len != view->len)
        return false;
    a->status = h->status;
    a->type = form_type((enum form)h->form);
    a->shrinks = h->shrinks;
    memcpy(a->tag, h->tag, sizeof a->tag);
    a->headers = (struct slice){at, h->headers};
    a->body = (struct slice){at + h->headers, h->body};
    a->gzip = (struct slice){at + h->headers + h->body, h->gzip};
    return true;
}

/* Do all versions stand? */
static bool stands(struct kept *k, const struct kept_head *h,
                   const struct dependency *d)
{
    struct tables *t = k->config.shared->tables;

    if (h->epoch != tables_epoch(t))
        return false;
    for (uint32_t i = 0; i < h->dependencies; i++) {
        if (tables_version(t, (unsigned)d[i].table) == d[i].version)
            continue;
        tables_count_loss(t, (unsigned)d[i].table);
        return false;
    }
    return true;
}

static bool copy_known(const struct kept *k, const struct cache_view *view,
                       struct known *out)
{
    if (view->len < sizeof out->head)
        return false;
    memcpy(&out->head, view->value, sizeof out->head);
    uint32_t n = out->head.dependencies;
    if (n > KEPT_TABLES_MAX ||
        view->len < sizeof out->head + n * sizeof *out->dependencies)
        return false;
    memcpy(out->dependencies, view->value + sizeof out->head,
           n * sizeof *out->dependencies);
    return cache_holds(k->config.shared->cache, view);
}

static void judge(struct kept_found *f, const struct kept_head *h,
                  uint64_t now_ms)
{
    f->left_ms = (int64_t)(h->fresh_until_ms - now_ms);
    f->state = f->left_ms > 0 ? KEPT_FRESH : KEPT_EXPIRED;
    f->while_allowed =
        h->while_until_ms > h->fresh_until_ms && now_ms < h->while_until_ms;
    f->error_allowed =
        h->error_until_ms > h->fresh_until_ms && now_ms < h->error_until_ms;
}

void kept_find(struct kept *k, const struct cache_key *key, uint64_t now_ms,
               struct kept_found *out)
{
    struct known *last = &k->last;

    out->state = KEPT_NONE;
    db_current(k->config.db); /* a stranger's write moves all versions */
    if (!cache_look(k->config.shared->cache, key, &out->view) ||
        !copy_known(k, &out->view, last) ||
        !lay_out(&last->head, &out->view, &out->answer))
        return;
    if (stands(k, &last->head, last->dependencies))
        judge(out, &last->head, now_ms);
    else
        out->state = KEPT_OUTDATED;
}

/* ---- keeping ------------------------------------------------------------ */

static void describe(struct kept_head *h, const struct answer *a)
{
    h->headers = (uint32_t)a->headers.len;
    h->body = (uint32_t)a->body.len;
    h->gzip = (uint32_t)a->gzip.len;
    h->status = (uint16_t)a->status;
    h->shrinks = a->shrinks;
    memcpy(h->tag, a->tag, sizeof h->tag);
}

/* The compressed form does not count towards entry_max: it is never longer
 * than the other. */
static bool put_whole(struct kept *k, const struct cache_key *key,
                      const struct known *known, const struct answer *a)
{
    const struct slice parts[] = {
        {(const char *)&known->head, sizeof known->head},
        {(const char *)known->dependencies,
         known->head.dependencies * sizeof *known->dependencies},
        a->headers,
        a->body,
        a->gzip,
    };
    size_t len = key->bytes.len;

    for (size_t i = 0; i < sizeof parts / sizeof *parts - 1; i++)
        len += parts[i].len;
    return len <= k->config.entry_max &&
           cache_put(k->config.shared->cache, key, parts,
                     sizeof parts / sizeof *parts);
}

/* Where both forms do not fit it is kept as not worth compressing: better
 * that than to compress it for each client. */
static bool put(struct kept *k, const struct cache_key *key,
                struct known *known, const struct answer *a)
{
    struct answer plain = *a;

    describe(&known->head, a);
    if (put_whole(k, key, known, a))
        return true;
    if (a->gzip.len == 0)
        return false;
    plain.gzip.len = 0;
    plain.shrinks = false;
    describe(&known->head, &plain);
    return put_whole(k, key, known, &plain);
}

static bool note_versions(const struct kept *k, const struct kept_policy *p,
                          struct known *out)
{
    const struct tables *t = k->config.shared->tables;
    const struct moment *m = db_moment(k->config.db);

    out->head.epoch = m->epoch;
    out->head.dependencies = p->count;
    for (unsigned i = 0; i < p->count; i++) {
        struct dependency *d = &out->dependencies[i];
        d->table = p->tables[i];
        if (!tables_unmoved(t, m, p->tables[i], &d->version))
            return false;
    }
    return true;
}

bool kept_store(struct kept *k, const struct kept_policy *p,
                const struct kept_item *item, uint64_t now_ms)
{
    struct known known = {.head.form = (uint8_t)item->form};

    if (!p->on || item->answer->body.len > UINT32_MAX / 2 ||
        !note_versions(k, p, &known))
        return false;
    known.head.fresh_until_ms = now_ms + p->fresh_ms;
    known.head.while_until_ms = known.head.fresh_until_ms + p->while_ms;
    known.head.error_until_ms = known.head.fresh_until_ms + p->error_ms;
    return put(k, item->key, &known, item->answer);
}

/* ---- giving ------------------------------------------------------------- */

static void undo(struct response *res)
{
    buf_clear(&res->headers);
    response_drop_body(res);
}

/* Has nobody put another one in its place? */
static bool is_last(const struct kept *k, const struct cache_key *key,
                    const struct cache_view *view)
{
    struct cache_view now;

    return cache_look(k->config.shared->cache, key, &now) &&
           now.value == view->value;
}

/* Copies the identity form out of the shared memory and compresses it; what
 * results is kept in the place of what was there, if that still is there. */
static bool compress(struct kept *k, const struct cache_key *key,
                     const struct kept_found *found, struct answer *a)
{
    buf_clear(&k->body);
    buf_clear(&k->gzip);
    buf_slice(&k->body, found->answer.headers);
    buf_slice(&k->body, found->answer.body);
    if (!cache_holds(k->config.shared->cache, &found->view))
        return false;
    *a = found->answer;
    a->headers.ptr = k->body.data;
    a->body.ptr = k->body.data + a->headers.len;
    a->shrinks = encoder_gzip(k->config.encoder, a->body, &k->gzip);
    a->gzip = buf_view(&k->gzip);
    if (is_last(k, key, &found->view))
        put(k, key, &k->last, a);
    return true;
}

bool kept_give(struct kept *k, const struct cache_key *key,
               const struct kept_found *found, struct call *call)
{
    struct choice c = answer_choose(&found->answer, call->req);
    struct answer made;

    if (c.gzip && c.status == found->answer.status &&
        found->answer.gzip.len == 0) {
        if (!compress(k, key, found, &made))
            return false;
        call->trace->compressed = true;
        answer_give(&made, c, call->res);
        return true;
    }
    answer_give(&found->answer, c, call->res);
    if (cache_holds(k->config.shared->cache, &found->view))
        return true;
    undo(call->res);
    return false;
}

/* ---- Cache-Status ------------------------------------------------------- */

void kept_say(struct call *call, int64_t left_ms)
{
    static const char *const said[CACHE_OUTCOMES] = {
        [CACHE_HIT] = "prong; hit",
        [CACHE_STALE] = "prong; hit",
        [CACHE_COLLAPSED] = "prong; fwd=uri-miss; collapsed",
        [CACHE_MISS] = "prong; fwd=uri-miss",
        [CACHE_OUTDATED] = "prong; fwd=stale; detail=outdated",
        [CACHE_EXPIRED] = "prong; fwd=stale",
    };
    const struct trace *t = call->trace;
    struct buf *out = &call->res->headers;

    if (t->cache == CACHE_NONE)
        return;
    buf_string(out, "Cache-Status: ");
    buf_string(out, said[t->cache]);
    if (t->cache == CACHE_HIT || t->cache == CACHE_STALE) {
        buf_string(out, "; ttl=");
        /* Downwards, so that what is past its time never says 0. */
        buf_int(out, (left_ms - (left_ms < 0 ? 999 : 0)) / 1000);
    } else if (t->stored) {
        buf_string(out, "; stored");
    }
    buf_string(out, "\r\n");
}
