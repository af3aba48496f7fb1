#include "tests/unit/wire.h"

#include "common/segment/crowd.h"
#include "common/segment/shared.h"
#include "worker/http/conn_private.h"

enum { SLOT = 3, MIB = 1 << 20 };

/* More than the kernel takes at once. */
#define LARGE "GET /big?n=8388608 HTTP/1.1\r\nHost: a\r\n\r\n"
#define FILED "GET /file?n=8388608 HTTP/1.1\r\nHost: a\r\n\r\n"

static struct shared shared;

/* The worker of SLOT, which holds so many bytes. Limits in seconds are such
 * that none is reached. */
static void begin(int64_t limit_unsent)
{
    static const char *trusted[] = {"10.0.0.0/8"};
    struct fault fault;

    wire = (struct wire){.settings = {.worker_connections = 100,
                                      .keepalive = 60,
                                      .header_timeout = 60,
                                      .body_timeout = 60,
                                      .send_timeout = 60,
                                      .proxy_protocol = "off",
                                      .security_headers = "off",
                                      .forwarded_allow_ips = {trusted, 1},
                                      .limit_unsent = limit_unsent,
                                      .limit_request_line = 4094,
                                      .limit_request_fields = 100,
                                      .limit_request_field_size = 8190,
                                      .limit_request_body = 1 << 20}};
    assert_true(shared_open(&shared, 0, 1, &fault));
    wire_open_with((struct conns_config){
        .number = SLOT, .shared = &shared, .answer = wire_answer});
}

static int tear_down(void **state)
{
    wire_tear_down(state);
    shared_close(&shared);
    return 0;
}

static size_t held(void)
{
    size_t sum = 0;

    for (struct conn *c = wire.conns->lists[CONN_WRITING].first; c; c = c->next)
        sum += c->held;
    assert_int_equal(wire.conns->unsent, sum);
    conns_sweep(wire.conns, 0);
    assert_int_equal(crowd_unsent(shared.crowd), wire.conns->unsent);
    return sum;
}

/* One that asks and does not read yet; *conn is its connection. */
static struct client asks(const char *request, struct conn **conn)
{
    struct client c = dial();

    say(&c, request);
    const struct conn_list *l = &wire.conns->lists[CONN_WRITING];
    const struct conn *before = l->last;
    while (l->last == before)
        wire_turn(1);
    *conn = l->last;
    return c;
}

/* It has been at it for so long, and has received so much since. */
static void pretend(struct conn *c, uint64_t age_ms, size_t taken)
{
    assert_true(c->held > 0);
    c->held_ms = loop_now(wire.loop) - age_ms;
    c->owed += taken;
}

static bool is_open(const struct conn *c)
{
    return c->state == CONN_WRITING;
}

static bool was_reset(const struct client *c)
{
    int error = 0;
    socklen_t size = sizeof error;

    assert_int_equal(getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    return error == ECONNRESET;
}

static void one_alone_may_have_more(void **state)
{
    struct client c;
    struct conn *conn;

    (void)state;
    begin(MIB);
    c = asks(LARGE, &conn);
    assert_true(held() > (size_t)8 * MIB);
    hear(&c, "HTTP/1.1 200", 1);
    while (c.in.len < (size_t)8 * MIB)
        if (!listen_up(&c))
            wire_turn(1);
    while (conn->state == CONN_WRITING)
        wire_turn(1);
    assert_int_equal(conn->state, CONN_IDLE);
    assert_int_equal(held(), 0);
    hang_up(&c);
}

/* Nobody has taken anything: who came first goes, and never the newest. */
static void who_came_just_now_stays(void **state)
{
    struct client c[4];
    struct conn *conn[4];
    size_t ended = 0;

    (void)state;
    begin((int64_t)18 * MIB);
    for (size_t i = 0; i < 4; i++) {
        c[i] = asks(LARGE, &conn[i]);
        assert_true(is_open(conn[i]));
        assert_true(held() <= (size_t)18 * MIB);
    }
    for (size_t i = 0; i < 4; i++) {
        ended += was_reset(&c[i]);
        hang_up(&c[i]);
    }
    assert_int_equal(ended, 2);
    assert_int_equal(crowd_ended_unread(shared.crowd), 2);
    while (held() > 0)
        wire_turn(1);
}

/* Not who has been at it for longest, but who takes least. */
static void the_slowest_goes(void **state)
{
    struct client c[4];
    struct conn *conn[4];

    (void)state;
    begin((int64_t)27 * MIB);
    for (size_t i = 0; i < 3; i++)
        c[i] = asks(LARGE, &conn[i]);
    pretend(conn[0], 9000, 900000);
    pretend(conn[1], 2000, 9000);
    pretend(conn[2], 100, 0); /* has hardly begun */
    c[3] = asks(LARGE, &conn[3]);
    assert_false(is_open(conn[1]));
    assert_true(is_open(conn[0]) && is_open(conn[2]) && is_open(conn[3]));
    for (size_t i = 0; i < 4; i++)
        hang_up(&c[i]);
}

static void files_are_not_held(void **state)
{
    struct client file, large;
    struct conn *of_file, *of_large;

    (void)state;
    begin(MIB);
    file = asks(FILED, &of_file);
    assert_int_equal(held(), 0);
    large = asks(LARGE, &of_large);
    assert_true(is_open(of_file) && is_open(of_large));
    hang_up(&file);
    hang_up(&large);
}

static void no_limit_holds_all(void **state)
{
    struct client c[4];
    struct conn *conn[4];

    (void)state;
    begin(0);
    for (size_t i = 0; i < 4; i++)
        c[i] = asks(LARGE, &conn[i]);
    assert_true(held() > (size_t)32 * MIB);
    assert_int_equal(crowd_ended_unread(shared.crowd), 0);
    for (size_t i = 0; i < 4; i++)
        hang_up(&c[i]);
}

#define HELD(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HELD(one_alone_may_have_more), HELD(who_came_just_now_stays),
        HELD(the_slowest_goes),        HELD(files_are_not_held),
        HELD(no_limit_holds_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
