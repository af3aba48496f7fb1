/*
 * troupe: a theatre with a segment, and two actors in it: what two workers
 * have, in one process. Each has a slot, a connection that announces its
 * commits, an encoder and its endpoints. Their clock is ahead by what a test
 * wants; but what they keep they keep from when the real clock says that it
 * was computed, so a play that goes on after that has to go back in time. Real
 * time passes too: nothing here is told apart that is less than 100 s.
 * The theatre's own connection is a stranger's: it announces nothing.
 */
#ifndef PRONG_TEST_TROUPE_H
#define PRONG_TEST_TROUPE_H

#include "tests/unit/theatre.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/segment/cache.h"
#include "common/segment/flights.h"
#include "common/loop.h"
#include "common/segment/metrics.h"
#include "common/segment/names.h"
#include "common/segment/tables.h"

enum { ANNA_SLOT = 0, BEN_SLOT = 1, TROUPE_CACHE = 1 << 20 };

struct actor {
    unsigned slot;
    struct db *db;
    struct encoder *encoder;
    struct observer *observer;
    struct endpoints *endpoints;
};

/* A request of one actor, and its answer, now or later. */
struct part {
    struct call call;
    struct trace trace;
    struct response res;
    struct ask ask;
    int done;
};

static struct {
    struct shared shared;
    struct actor anna, ben;
    struct part part; /* of those who are answered at once */
    int64_t ahead_ms; /* of the real clock */
    int bell;
    struct endpoints_config config; /* for further endpoints */
} troupe;

static inline uint64_t troupe_now(void)
{
    return loop_clock_ms() + (uint64_t)troupe.ahead_ms;
}

/* ---- parts ---- */

static inline void part_done(struct call *call)
{
    ((struct part *)(void *)call)->done++;
}

/* `p` is empty at first; it is used again without ado. */
static inline void part_begin(struct part *p, const struct asked *q)
{
    if (p->res.body.cap == 0)
        response_init(&p->res);
    response_reset(&p->res);
    memcpy(p->res.id, "id7", 3);
    p->res.id_len = 3;
    p->trace = (struct trace){.came_ns = loop_clock_ns()};
    p->done = 0;
    p->call = (struct call){.req = ask(&p->ask, q),
                            .res = &p->res,
                            .trace = &p->trace,
                            .now_ms = troupe_now(),
                            .done = part_done};
}

/* Its answer was handed over, if there is one. */
static inline void part_end(struct part *p, const struct actor *a)
{
    if (p->done)
        observe_end(a->observer, &p->call, response_body(&p->res).len,
                    loop_clock_ns());
}

static inline void part_play(struct part *p, const struct actor *a)
{
    observe_begin(a->observer, &p->call, p->trace.came_ns);
    endpoints_answer(a->endpoints, theatre_route(p->call.req), &p->call);
    db_unshare(a->db); /* as the end of a turn does */
    endpoints_write(a->endpoints, p->call.now_ms);
    part_end(p, a);
}

static inline void part_free(struct part *p)
{
    response_free(&p->res);
    ask_free(&p->ask);
}

static inline const char *part_body(struct part *p)
{
    buf_text(&p->res.body);
    return response_body(&p->res).ptr;
}

static inline const char *part_headers(struct part *p)
{
    return buf_text(&p->res.headers);
}

/* A header's value, valid until the next; "" without. It stands once. */
static inline const char *part_header(struct part *p, const char *name)
{
    static char value[8192];
    struct slice rest = buf_view(&p->res.headers);
    unsigned found = 0;

    value[0] = '\0';
    while (rest.len > 0) {
        struct slice line = slice_cut(&rest, '\n');
        struct slice key = slice_cut(&line, ':');
        if (!slice_is_nocase(key, name))
            continue;
        found++;
        snprintf(value, sizeof value, "%.*s", (int)line.len - 2, line.ptr + 1);
    }
    assert_true(found <= 1);
    return value;
}

/* The body's tag, with its quotes. */
static inline void part_tag(struct part *p, char tag[64])
{
    snprintf(tag, 64, "%.63s", part_header(p, "ETag"));
    assert_true(tag[0] == '"');
}

/* ---- the stage ---- */

static inline struct endpoints *actor_open(struct actor *a, struct fault *fault)
{
    struct endpoints_config config = troupe.config;

    config.db = a->db;
    config.encoder = a->encoder;
    config.slot = a->slot;
    config.observer = a->observer;
    return a->endpoints = endpoints_open(&config, fault);
}

static inline void actor_enter(struct actor *a, unsigned slot)
{
    static const struct encoding_config encoding = {
        .on = true, .min_length = 100, .level = 6};
    struct fault fault = {""};
    char path[128];

    a->slot = slot;
    snprintf(path, sizeof path, "%s/t.db", house.dir);
    a->db = db_open(path, DB_SERVE, &fault);
    if (a->db == NULL)
        fail_msg("%s", fault.text);
    db_watch(a->db, troupe.shared.names, troupe.shared.tables, slot);
    a->encoder = encoder_new(&encoding);
    a->observer = observer_new(&(struct observer_config){
        .shared = &troupe.shared, .slot = slot, .slow_ns = UINT64_MAX});
    if (actor_open(a, &fault) == NULL)
        fail_msg("%s", fault.text);
}

static inline void actor_leave(struct actor *a)
{
    endpoints_close(a->endpoints);
    db_close(a->db);
    encoder_free(a->encoder);
    observer_free(a->observer);
    *a = (struct actor){.db = NULL};
}

static inline void troupe_open(const char *conf, const char *schema,
                               const char *api)
{
    struct fault fault = {""};

    theatre_open(conf, schema);
    if (!theatre_load(api, &fault) ||
        !shared_open(&troupe.shared, TROUPE_CACHE, 1, &fault))
        fail_msg("%s", fault.text);
    troupe.ahead_ms = 0;
    troupe.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(troupe.bell >= 0);
    troupe.config = (struct endpoints_config){
        .app = house.app,
        .shared = &troupe.shared,
        .bell_fd = troupe.bell,
        .durable = true,
        .entry_max = 64 * 1024,
    };
    actor_enter(&troupe.anna, ANNA_SLOT);
    actor_enter(&troupe.ben, BEN_SLOT);
    db_current(troupe.anna.db); /* the first look ever finds strangers */
}

static inline void troupe_close(void)
{
    actor_leave(&troupe.anna);
    actor_leave(&troupe.ben);
    part_free(&troupe.part);
    troupe.part = (struct part){.done = 0};
    close(troupe.bell);
    shared_close(&troupe.shared);
    theatre_close();
}

/* ---- what tests say ---- */

/* The answer lies in troupe.part. */
static inline void actor_ask(const struct actor *a, const struct asked *q)
{
    part_begin(&troupe.part, q);
    part_play(&troupe.part, a);
    assert_int_equal(troupe.part.done, 1);
}

static inline void actor_get(const struct actor *a, const char *target)
{
    char line[512];

    snprintf(line, sizeof line, "GET %s", target);
    actor_ask(a, &(struct asked){.line = line});
}

/* One scene of a play: who asks what, and what is answered. Null texts are not
 * looked at. */
struct scene {
    const struct actor *by;
    const char *line;
    const char *cache; /* Cache-Status without "prong; " and ttl; "": none */
    const char *body;
    unsigned queries;   /* SQL statements run for it */
    int status;         /* 0: 200 */
    const char *fields; /* of the request's head */
    const char *form;   /* its body */
    int64_t later_ms;   /* than the scene before */
    int64_t ttl;        /* said by the cache, in s; 0 is not looked at */
};

#define ANNA &troupe.anna
#define BEN  &troupe.ben

/* "prong; hit; ttl=9" is "hit" and 9. */
static inline bool cache_says(const char *said, const struct scene *s)
{
    static const char prong[] = "prong; ";
    const char *ttl = strstr(said, "; ttl=");

    if (s->cache == NULL)
        return true;
    if (strncmp(said, prong, strlen(prong)) == 0)
        said += strlen(prong);
    size_t len = ttl ? (size_t)(ttl - said) : strlen(said);
    if (!slice_is((struct slice){said, len}, s->cache))
        return false;
    if (s->ttl == 0)
        return true;
    int64_t left = ttl ? strtoll(ttl + strlen("; ttl="), NULL, 10) : INT64_MAX;
    return left <= s->ttl && left > s->ttl - 100;
}

static inline bool part_shows(struct part *p, const struct scene *s)
{
    return p->done == 1 && p->res.status == (s->status ? s->status : 200) &&
           cache_says(part_header(p, "Cache-Status"), s) &&
           (s->body == NULL || strcmp(part_body(p), s->body) == 0) &&
           p->trace.queries == s->queries;
}

static inline void part_expect(struct part *p, const struct scene *s)
{
    if (!part_shows(p, s))
        fail_msg("%s: %d, %u queries, done %d\n%s\n%s", s->line, p->res.status,
                 p->trace.queries, p->done, part_headers(p), part_body(p));
}

static inline void scene_play(const struct scene *s)
{
    const struct asked asked = {
        .line = s->line, .fields = s->fields, .form = s->form};

    troupe.ahead_ms += s->later_ms;
    actor_ask(s->by, &asked);
    part_expect(&troupe.part, s);
}

static inline void scenes_play(const struct scene *scenes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        scene_play(&scenes[i]);
}

#define PLAY(scenes)  scenes_play(scenes, sizeof(scenes) / sizeof *(scenes))
#define PLAY_ONE(...) scene_play(&(const struct scene){__VA_ARGS__})

/* The number of a table of the database, or of an endpoint, as of a table. */
static inline unsigned troupe_number(const char *kind, const char *name)
{
    char full[128];

    snprintf(full, sizeof full, "%s:%s", kind, name);
    return names_number(troupe.shared.names, slice_of(full));
}

static inline struct cache_stats troupe_stats(void)
{
    struct cache_stats stats;

    cache_stats(troupe.shared.cache, &stats);
    return stats;
}

#endif
