/*
 * theatre: a small app in a folder of its own, its database, and its
 * endpoints: what test_endpoint and test_listing play in.
 */
#ifndef PRONG_TEST_THEATRE_H
#define PRONG_TEST_THEATRE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/digest.h"
#include "common/loop.h"
#include "tests/unit/ask.h"
#include "worker/endpoint/endpoint.h"
#include "worker/endpoint/idempotency.h"
#include "worker/http/router.h"
#include "worker/endpoint/token.h"

struct theatre {
    char dir[64];
    struct app *app;
    struct db *db;
    struct endpoints *endpoints;
    struct router *router;
    struct ask ask;
    struct response res;
    int done;
};

static struct theatre house;

static inline void theatre_put(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", house.dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline void theatre_run(const char *sql)
{
    struct fault fault = {""};
    int offset;

    if (!db_script(house.db, slice_of(sql), &fault, &offset))
        fail_msg("%s", fault.text);
}

static inline int64_t theatre_count(const char *sql)
{
    struct fault fault;
    int offset;
    struct stmt *s = db_prepare(house.db, sql, &fault, &offset);

    assert_non_null(s);
    assert_int_equal(stmt_step(s), DB_ROW);
    int64_t n = stmt_int(s, 0);
    db_finalize(s);
    return n;
}

static inline void theatre_token(const char *token, const char *user,
                                 const char *role)
{
    char hex[DIGEST_HEX];
    char sql[512];

    digest_hex(slice_of(token), hex);
    snprintf(sql, sizeof sql,
             "INSERT INTO tokens (sha256, user_id, role, name, created_at) "
             "VALUES ('%.64s', %s, '%s', '%s', '2020-01-01')",
             hex, user, role, token);
    theatre_run(sql);
}

/* Loads `api` as the app's one file, once a house; false with the fault when
 * that fails. */
static inline bool theatre_load(const char *api, struct fault *fault)
{
    theatre_put("api/test.sql", api);
    house.app = app_load(house.dir, fault);
    house.router = router_new();
    for (size_t i = 0; house.app && i < house.app->endpoint_count; i++)
        assert_true(router_add(house.router, house.app->endpoints[i].method,
                               house.app->endpoints[i].path, (int)i));
    return house.app != NULL;
}

/* The same, and opens its endpoints. */
static inline struct endpoints *theatre_play(const char *api,
                                             struct fault *fault)
{
    if (!theatre_load(api, fault))
        return NULL;
    const struct endpoints_config config = {.app = house.app, .db = house.db};
    house.endpoints = endpoints_open(&config, fault);
    return house.endpoints;
}

/* Opens the house with that schema; conf is the app's app.conf. */
static inline void theatre_open(const char *conf, const char *schema)
{
    char path[128];

    house = (struct theatre){.dir = "/tmp/prong-theatre-XXXXXX"};
    assert_non_null(mkdtemp(house.dir));
    snprintf(path, sizeof path, "%s/api", house.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    theatre_put("app.conf", conf);
    snprintf(path, sizeof path, "%s/t.db", house.dir);
    struct fault fault = {""};
    db_init();
    house.db = db_open(path, DB_CREATE, &fault);
    if (house.db == NULL)
        fail_msg("%s", fault.text);
    theatre_run(token_schema);
    theatre_run(idempotency_schema);
    theatre_run(schema);
    response_init(&house.res);
}

static inline int theatre_drop(const char *path, const struct stat *st,
                               int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline void theatre_close(void)
{
    endpoints_close(house.endpoints);
    db_close(house.db);
    router_free(house.router);
    app_free(house.app);
    response_free(&house.res);
    ask_free(&house.ask);
    assert_int_equal(nftw(house.dir, theatre_drop, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void theatre_done(struct call *call)
{
    (void)call;
    house.done++;
}

static inline size_t theatre_route(const struct request *req)
{
    static const enum method methods[] = {
        [VERB_GET] = METHOD_GET,       [VERB_POST] = METHOD_POST,
        [VERB_PUT] = METHOD_PUT,       [VERB_PATCH] = METHOD_PATCH,
        [VERB_DELETE] = METHOD_DELETE,
    };
    size_t count;
    unsigned allowed;
    const struct slice *segments = request_segments(req, &count);
    int id = router_find(house.router, methods[request_verb(req)], segments,
                         count, &allowed);

    assert_true(id >= 0);
    return (size_t)id;
}

/* Asks the endpoint whose route it is; the answer lies in house.res. */
static inline void theatre_ask(const struct asked *q)
{
    struct trace trace = {0};
    struct call call = {.req = ask(&house.ask, q),
                        .res = &house.res,
                        .trace = &trace,
                        .now_ms = loop_clock_ms(),
                        .done = theatre_done};

    response_reset(&house.res);
    memcpy(house.res.id, "id7", 3);
    house.res.id_len = 3;
    house.done = 0;
    endpoints_answer(house.endpoints, theatre_route(call.req), &call);
    db_unshare(house.db); /* as the end of a turn does */
    endpoints_write(house.endpoints, call.now_ms);
    assert_int_equal(house.done, 1);
}

/* The body as terminated text, valid until the next. */
static inline const char *theatre_body(void)
{
    buf_text(&house.res.body);
    return response_body(&house.res).ptr;
}

static inline const char *theatre_headers(void)
{
    return buf_text(&house.res.headers);
}

#endif
