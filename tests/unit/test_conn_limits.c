#include "tests/unit/wire.h"

#include "common/segment/crowd.h"
#include "common/segment/shared.h"
#include "worker/http/conn_private.h"

enum { SLOT = 3, OTHER_SLOT = 4 };

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static struct shared shared;
static uint64_t waited_ns; /* by the last request that was answered */

static void answer(void *self, struct call *call)
{
    waited_ns = loop_clock_ns() - call->trace->came_ns;
    wire_answer(self, call);
}

/* The worker of SLOT, with the present settings. Limits in seconds are such
 * that none is reached. */
static void begin(void)
{
    static const char *trusted[] = {"10.0.0.0/8"};
    struct fault fault;

    wire.settings.keepalive = 60;
    wire.settings.header_timeout = 60;
    wire.settings.body_timeout = 60;
    wire.settings.send_timeout = 60;
    if (wire.settings.forwarded_allow_ips.count == 0)
        wire.settings.forwarded_allow_ips = (struct texts){trusted, 1};
    assert_true(shared_open(&shared, 0, 1, &fault));
    crowd_join(shared.crowd, OTHER_SLOT);
    wire_open_with((struct conns_config){
        .number = SLOT, .shared = &shared, .answer = answer});
}

static int set_up(void **state)
{
    (void)state;
    wire = (struct wire){.settings = {.worker_connections = 100,
                                      .proxy_protocol = "off",
                                      .security_headers = "off",
                                      .limit_request_line = 4094,
                                      .limit_request_fields = 100,
                                      .limit_request_field_size = 8190,
                                      .limit_request_body = 1 << 20}};
    return 0;
}

static int tear_down(void **state)
{
    wire_tear_down(state);
    shared_close(&shared);
    return 0;
}

/* One that is kept alive. */
static struct client served(void)
{
    struct client c = dial();

    say(&c, GET("/a"));
    hear(&c, "/a:", 1);
    return c;
}

static void is_turned_away(struct client *c)
{
    hear_end(c);
    assert_true(heard(c, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_true(heard(c, "\r\nRetry-After: 1\r\n"));
    assert_true(heard(c, "\r\nConnection: close\r\n"));
    const char *length = strstr(buf_text(&c->in), "Content-Length: ");
    const char *body = strstr(buf_text(&c->in), "\r\n\r\n");
    assert_int_equal(atoi(length + 16), strlen(body + 4));
    assert_false(c->reset);
    hang_up(c);
}

/* Turns until so many are counted. */
static void turn_until_counted(uint64_t count)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    while (crowd_all(shared.crowd) != count) {
        assert_true(loop_clock_ms() < end);
        wire_turn(1);
    }
}

/* ---- of one address ------------------------------------------------------*/

static void an_address_has_its_share(void **state)
{
    struct client some[3];

    (void)state;
    wire.settings.limit_connections_per_address = 3;
    begin();
    for (size_t i = 0; i < 3; i++)
        some[i] = served();
    for (size_t i = 0; i < 3; i++) {
        struct client more = dial();
        if (i > 0) /* whether it has asked already or not */
            say(&more, GET("/b"));
        is_turned_away(&more);
    }
    assert_int_equal(crowd_refused(shared.crowd, CROWD_ADDRESS), 3);
    assert_int_equal(crowd_all(shared.crowd), 3);
    hang_up(&some[0]);
    turn_until_counted(2);
    some[0] = served();
    for (size_t i = 0; i < 3; i++)
        hang_up(&some[i]);
    turn_until_counted(0);
}

static void others_count_too(void **state)
{
    (void)state;
    wire.settings.limit_connections_per_address = 3;
    begin();
    for (size_t i = 0; i < 2; i++)
        crowd_enter(shared.crowd, OTHER_SLOT,
                    crowd_key(shared.crowd, "127.0.0.1"));
    struct client one = served();
    struct client more = dial();
    is_turned_away(&more);
    crowd_forget(shared.crowd, OTHER_SLOT); /* it died */
    more = served();
    hang_up(&one);
    hang_up(&more);
}

static void proxies_are_many_people(void **state)
{
    static const char *us[] = {"127.0.0.1"};
    struct client some[5];

    (void)state;
    wire.settings.limit_connections_per_address = 1;
    wire.settings.forwarded_allow_ips = (struct texts){us, 1};
    begin();
    for (size_t i = 0; i < 5; i++)
        some[i] = served();
    for (size_t i = 0; i < 5; i++)
        hang_up(&some[i]);
}

/* Behind a proxy that names each one's address at the beginning. */
static void who_is_named_counts(void **state)
{
    static const char *us[] = {"127.0.0.1"};
    static const char named[] = "PROXY TCP4 192.0.2.7 10.0.0.1 5 80\r\n";
    static const char other[] = "PROXY TCP4 192.0.2.8 10.0.0.1 5 80\r\n";

    (void)state;
    wire.settings.limit_connections_per_address = 1;
    wire.settings.proxy_protocol = "auto";
    wire.settings.proxy_allow_ips = (struct texts){us, 1};
    begin();
    struct client a = dial(); /* all are the proxy's until they say more */
    struct client b = dial();
    struct client c = dial();
    turn_until_counted(3);
    say(&a, named);
    say(&a, GET("/a"));
    hear(&a, "/a:", 1);
    say(&b, named);
    say(&b, GET("/b"));
    is_turned_away(&b);
    say(&c, other);
    say(&c, GET("/c"));
    hear(&c, "/c:", 1);
    hang_up(&a);
    hang_up(&c);
    turn_until_counted(0);
    assert_int_equal(
        crowd_of(shared.crowd, crowd_key(shared.crowd, "192.0.2.7")), 0);
}

/* ---- of all --------------------------------------------------------------*/

static void the_idlest_goes(void **state)
{
    struct client some[3];

    (void)state;
    wire.settings.limit_connections = 3;
    begin();
    for (size_t i = 0; i < 3; i++)
        some[i] = served();
    struct client more = served();
    hear_end(&some[0]);
    assert_int_equal(crowd_all(shared.crowd), 3);
    say(&some[1], GET("/b"));
    hear(&some[1], "/b:", 1);
    struct client last = served();
    hear_end(&some[2]);
    for (size_t i = 0; i < 3; i++)
        hang_up(&some[i]);
    hang_up(&more);
    hang_up(&last);
}

static void nobody_is_idle(void **state)
{
    struct client some[2];

    (void)state;
    wire.settings.limit_connections = 2;
    begin();
    for (size_t i = 0; i < 2; i++) {
        some[i] = dial();
        say(&some[i], GET("/later"));
        while (wire.later_count <= i)
            wire_turn(1);
    }
    struct client more = dial();
    is_turned_away(&more);
    assert_int_equal(crowd_refused(shared.crowd, CROWD_ALL), 1);
    wire.later[0]->done(wire.later[0]);
    hear(&some[0], "HTTP/1.1 200", 1);
    more = served();
    hear_end(&some[0]);
    hang_up(&some[0]);
    hang_up(&some[1]);
    hang_up(&more);
}

/* The one idle for longest is another worker's: that one is asked. */
static void others_are_asked(void **state)
{
    (void)state;
    wire.settings.limit_connections = 3;
    begin();
    crowd_enter(shared.crowd, OTHER_SLOT, 0);
    crowd_enter(shared.crowd, OTHER_SLOT, 0);
    crowd_tell_idle(shared.crowd, OTHER_SLOT, 2, 1);
    struct client one = served();
    struct client two = served();
    assert_true(crowd_is_asked(shared.crowd, OTHER_SLOT));
    assert_false(crowd_is_asked(shared.crowd, OTHER_SLOT));
    crowd_tell_idle(shared.crowd, OTHER_SLOT, 2, UINT64_MAX - 1);
    struct client three = served(); /* now it is ours */
    assert_false(crowd_is_asked(shared.crowd, OTHER_SLOT));
    hear_end(&one);
    hang_up(&one);
    hang_up(&two);
    hang_up(&three);
}

static void we_are_asked(void **state)
{
    (void)state;
    wire.settings.limit_connections = 100;
    begin();
    struct client one = served();
    struct client two = served();
    unsigned slot;
    uint64_t since;

    wire_turn(1);
    assert_true(crowd_idlest(shared.crowd, OTHER_SLOT, &slot, &since));
    assert_int_equal(slot, SLOT);
    assert_true(since <= loop_clock_ms());
    crowd_ask(shared.crowd, SLOT);
    hear_end(&one);
    assert_int_equal(crowd_all(shared.crowd), 1);
    hang_up(&one);
    hang_up(&two);
}

/* ---- the slow ones -------------------------------------------------------*/

/* One that does not stay. */
static void visit(void)
{
    struct client c = dial();

    say(&c, "GET /a HTTP/1.0\r\n\r\n");
    hear_end(&c);
    assert_true(heard(&c, "/a:"));
    hang_up(&c);
}

/* One that is being served. */
static struct client served_later(void)
{
    struct client c = dial();
    size_t before = wire.later_count;

    say(&c, GET("/later"));
    while (wire.later_count == before)
        wire_turn(1);
    return c;
}

/* A full worker ends those who have sent next to nothing for a while, each in
 * another way, but nobody who is served. */
static void the_slow_make_room(void **state)
{
    static const char *const some[] = {
        "", "GET / HT",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"};
    struct client slow[3];
    struct client busy[4];
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    (void)state;
    wire.settings.worker_connections = 4;
    begin();
    busy[3] = served_later();
    for (size_t i = 0; i < 3; i++) {
        slow[i] = dial();
        say(&slow[i], some[i]);
    }
    turn_until_open(4);
    for (size_t i = 0; i < 3; i++) {
        while (!slow[i].ended) {
            assert_true(loop_clock_ms() < end);
            visit();
            listen_up(&slow[i]);
        }
        busy[i] = served_later();
    }
    for (size_t i = 0; i < 4; i++)
        wire.later[i]->done(wire.later[i]);
    for (size_t i = 0; i < 4; i++) {
        hear(&busy[i], "HTTP/1.1 200", 1);
        hang_up(&busy[i]);
    }
    for (size_t i = 0; i < 3; i++)
        hang_up(&slow[i]);
}

/* Those who come faster than they can be called slow have half the places. */
static void a_silent_flood_has_half(void **state)
{
    enum { PLACES = 20, FLOOD = 200 };
    struct client regular[PLACES / 2], silent[FLOOD];

    (void)state;
    wire.settings.worker_connections = PLACES;
    begin();
    for (size_t i = 0; i < PLACES / 2; i++)
        regular[i] = served();
    for (size_t i = 0; i < FLOOD; i++) {
        silent[i] = dial();
        wire_turn(0);
    }
    while (conns_accepted(wire.conns) < PLACES / 2 + FLOOD)
        wire_turn(1);
    for (size_t i = 0; i < PLACES / 2; i++) {
        forget(&regular[i]);
        say(&regular[i], GET("/again"));
        hear(&regular[i], "/again:", 1);
        hang_up(&regular[i]);
    }
    for (size_t i = 0; i < FLOOD; i++)
        hang_up(&silent[i]);
}

/* A byte now and then buys no time. */
static void answers_are_taken_at_a_rate(void **state)
{
    (void)state;
    begin();
    struct client deaf = dial();
    say(&deaf, GET("/big?n=50000000"));
    while (wire.conns->lists[CONN_WRITING].count == 0)
        wire_turn(1);
    struct conn *c = wire.conns->lists[CONN_WRITING].first;
    assert_int_equal(wire.conns->least_taken, 60 * 1024);
    conn_took(c, (size_t)60 * 1024); /* its time begins anew */
    uint64_t deadline = c->deadline_ms;
    while (loop_now(wire.loop) + 60000 <= deadline)
        wire_turn(1);
    conn_took(c, (size_t)60 * 1024 - 1);
    assert_int_equal(c->deadline_ms, deadline);
    conn_took(c, 1);
    assert_true(c->deadline_ms > deadline);
    hang_up(&deaf);
}

/* ---- how long requests have lain -----------------------------------------*/

static void waiting_in_the_socket_counts(void **state)
{
    enum { BUSY_MS = 200 };

    (void)state;
    begin();
    struct client c = served();
    forget(&c);
    wire_turn(1);
    say(&c, GET("/b"));
    uint64_t end = loop_clock_ms() + BUSY_MS;
    while (loop_clock_ms() < end)
        ; /* the worker is in a long statement */
    hear(&c, "/b:", 1);
    assert_true(waited_ns >= (uint64_t)BUSY_MS / 2 * 1000000);
    hang_up(&c);
}

#define LIMITED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMITED(an_address_has_its_share),
        LIMITED(others_count_too),
        LIMITED(proxies_are_many_people),
        LIMITED(who_is_named_counts),
        LIMITED(the_idlest_goes),
        LIMITED(nobody_is_idle),
        LIMITED(others_are_asked),
        LIMITED(we_are_asked),
        LIMITED(the_slow_make_room),
        LIMITED(a_silent_flood_has_half),
        LIMITED(answers_are_taken_at_a_rate),
        LIMITED(waiting_in_the_socket_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
