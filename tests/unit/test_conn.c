#include "tests/unit/wire.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void keeps_alive(void **state)
{
    struct client c = dial();

    (void)state;
    say(&c, GET("/one"));
    hear(&c, "\r\n\r\n/one:", 1);
    assert_true(heard(&c, "HTTP/1.1 200 OK\r\n"));
    assert_true(heard(&c, "Content-Length: 5\r\n"));
    assert_false(heard(&c, "Connection:"));
    say(&c, GET("/two"));
    hear(&c, "/two:", 1);
    assert_int_equal(conns_answered(wire.conns), 2);
    assert_int_equal(conns_open(wire.conns), 1);
    hang_up(&c);
    turn_until_open(0);
}

/* Those that come at once can be told apart by when they came: an operator
 * ends one of them by that. */
static void none_came_when_another_did(void **state)
{
    struct client c[LATER_MAX];

    (void)state;
    for (int i = 0; i < LATER_MAX; i++) {
        c[i] = dial();
        wire_turn(0);
    }
    for (int i = 0; i < LATER_MAX; i++)
        say(&c[i], GET("/later"));
    while (wire.later_count < LATER_MAX)
        wire_turn(1);
    for (int i = 0; i < LATER_MAX; i++)
        for (int k = 0; k < i; k++)
            assert_true(wire.later[i]->trace->came_ns !=
                        wire.later[k]->trace->came_ns);
    for (int i = 0; i < LATER_MAX; i++) {
        wire.later[i]->done(wire.later[i]);
        hang_up(&c[i]);
    }
    wire.later_count = 0;
    turn_until_open(0);
}

/* The order of the answers is that of the requests, however they arrive. */
static void pipelines(void **state)
{
    enum { REQUESTS = 50 };
    struct buf all = {0};
    struct buf wanted = {0};

    (void)state;
    for (int i = 0; i < REQUESTS; i++) {
        char body[400];
        memset(body, 'a' + i % 26, sizeof body);
        int len = i * 7 % 400;
        if (i % 3 == 0)
            buf_format(&all,
                       "POST /%d HTTP/1.1\r\nHost: a\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n%x\r\n%.*s\r\n%s",
                       i, len + 1, len + 1, body, "0\r\n\r\n");
        else
            buf_format(&all,
                       "PUT /%d HTTP/1.1\r\nHost: a\r\n"
                       "Content-Length: %d\r\n\r\n%.*s",
                       i, len, len, body);
        buf_format(&wanted, "/%d:%.*s\n", i, i % 3 ? len : len + 1, body);
    }
    for (size_t piece = 1; piece < 100000; piece = piece * 5 + 2) {
        struct client c = dial();
        for (size_t at = 0; at < all.len; at += piece) {
            size_t left = all.len - at;
            say_bytes(&c, all.data + at, left < piece ? left : piece);
            if (piece > 5 || at % 64 == 0)
                wire_turn(0);
        }
        hear(&c, "HTTP/1.1 200 OK\r\n", REQUESTS);
        hear(&c, "/49:", 1);
        const char *at = buf_text(&c.in);
        struct slice rest = buf_view(&wanted);
        for (int i = 0; i < REQUESTS; i++) {
            struct slice body = slice_cut(&rest, '\n');
            at = strstr(at, "\r\n\r\n");
            assert_non_null(at);
            assert_memory_equal(at + 4, body.ptr, body.len);
            at += 4 + body.len;
        }
        hang_up(&c);
    }
    buf_free(&all);
    buf_free(&wanted);
}

static void continues(void **state)
{
    static const char head[] = "POST /c HTTP/1.1\r\nHost: a\r\n"
                               "Expect: 100-continue\r\n"
                               "Content-Length: 3\r\n\r\n";
    struct client c = dial();

    (void)state;
    say(&c, head);
    hear(&c, "HTTP/1.1 100 Continue\r\n\r\n", 1);
    assert_false(heard(&c, "200"));
    say(&c, "abc");
    hear(&c, "/c:abc", 1);
    forget(&c);
    say(&c, head);
    hear(&c, "100 Continue", 1);
    say(&c, "def");
    hear(&c, "/c:def", 1);
    hang_up(&c);
}

/* After a refusal nothing more is answered, and the client can read it all,
 * though it was still sending. */
static void refuses_and_lingers(void **state)
{
    struct client c = dial();
    static char body[300 * 1000];

    (void)state;
    say(&c, GET("/good") "POST / HTTP/1.1\r\nHost: a\r\n"
                         "Content-Length: 99999999\r\n\r\n");
    memset(body, 'x', sizeof body);
    say_bytes(&c, body, sizeof body);
    say(&c, GET("/never"));
    shutdown(c.fd, SHUT_WR);
    hear_end(&c);
    assert_false(c.reset);
    assert_true(heard(&c, "/good:"));
    assert_true(heard(&c, "HTTP/1.1 413 Content Too Large\r\n"));
    assert_true(heard(&c, "Connection: close\r\n"));
    assert_true(heard(&c, "\"request_id\":\""));
    assert_false(heard(&c, "/never"));
    turn_until_open(0);
    hang_up(&c);
}

static const struct {
    const char *ask;
    const char *has;
    const char * not ;
} closings[] = {
    {"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/b"),
     "Connection: close\r\n", "/b"},
    {"GET /a HTTP/1.0\r\n\r\n" GET("/b"), "Connection: close\r\n", "/b"},
    {GET("/a") "nonsense\r\n\r\n" GET("/b"), "400 Bad Request", "/b:"},
    {GET("/a") "BREW /b HTTP/1.1\r\n\r\n", "501 Not Implemented", "/b:"},
};

static void closes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof closings / sizeof *closings; i++) {
        struct client c = dial();
        say(&c, closings[i].ask);
        hear_end(&c);
        assert_false(c.reset);
        assert_true(heard(&c, "/a:"));
        assert_true(heard(&c, closings[i].has));
        assert_false(heard(&c, closings[i].not ));
        hang_up(&c);
    }
}

static void old_clients(void **state)
{
    struct client c = dial();

    (void)state;
    say(&c, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear(&c, "/a:", 1);
    assert_true(heard(&c, "Connection: keep-alive\r\n"));
    say(&c, "GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    hear(&c, "/b:", 1);
    hang_up(&c);
}

/* Large answers, from memory and from a file; the client reads slowly. */
static void large_answers(void **state)
{
    enum { SIZE = 3 * 1000 * 1000 + 5 };
    struct client c = dial();

    (void)state;
    say(&c, GET("/big?n=3000005") GET("/file?n=3000005") GET("/end"));
    hear(&c, "/end:", 1);
    const char *at = strstr(c.in.data, "\r\n\r\n");
    assert_int_equal(strspn(at + 4, "b"), SIZE);
    at = strstr(at + 4 + SIZE, "\r\n\r\n") + 4;
    for (size_t i = 0; i + 8 <= SIZE; i += 8)
        assert_int_equal(strtoul(at + i, NULL, 10), i);
    assert_memory_equal(at + SIZE, "HTTP/1.1 200 OK\r\n", 17);
    hang_up(&c);
}

/* The head at once, and no body, even where it would be a file. */
static void head_requests(void **state)
{
    static const char *const paths[] = {"/big?n=1000", "/file?n=1000",
                                        "/file?n=0"};
    struct client c = dial();
    uint64_t start = loop_clock_ms();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char line[128];
        forget(&c);
        snprintf(line, sizeof line, "HEAD %s HTTP/1.1\r\nHost: a\r\n\r\n",
                 paths[i]);
        say(&c, line);
        hear(&c, "\r\n\r\n", 1);
        assert_true(heard(&c, i == 2 ? "Content-Length: 0\r\n"
                                     : "Content-Length: 1000\r\n"));
        say(&c, GET("/next"));
        hear(&c, "/next:", 1);
        assert_memory_equal(strstr(c.in.data, "\r\n\r\n") + 4, "HTTP/1.1", 8);
    }
    assert_true(loop_clock_ms() - start < 300); /* not held back for more */
    hang_up(&c);
}

static void ids(void **state)
{
    struct client c = dial();

    (void)state;
    say(&c, "GET /a HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine-7\r\n\r\n");
    hear(&c, "X-Request-ID: mine-7\r\n", 1);
    say(&c, "GET /b HTTP/1.1\r\nHost: a\r\nX-Request-ID: no \"id\"\r\n\r\n");
    hear(&c, "/b:", 1);
    assert_false(heard(&c, "no \"id\""));
    assert_int_equal(strspn(strstr(strstr(c.in.data, "/a:"), "ID: ") + 4,
                            "0123456789abcdef"),
                     16);
    hang_up(&c);
}

/* An answer that comes after the turn: nothing overtakes it, and the loop
 * sleeps meanwhile although more requests have arrived. */
static void answers_later(void **state)
{
    struct client c = dial();

    (void)state;
    say(&c, GET("/later") GET("/second"));
    while (wire.later_count == 0)
        wire_turn(1);
    say(&c, GET("/third"));
    wire.turns = 0;
    for (int i = 0; i < 20; i++)
        wire_turn(1);
    assert_true(wire.turns <= 2);
    assert_false(listen_up(&c));
    buf_string(&wire.later[0]->res->body, "at last");
    wire.later[0]->done(wire.later[0]);
    hear(&c, "/third:", 1);
    assert_true(strstr(c.in.data, "at last") < strstr(c.in.data, "/second:"));
    assert_true(strstr(c.in.data, "/second:") < strstr(c.in.data, "/third:"));
    hang_up(&c);
}

/* Clients that go away at each stage leave nothing behind. */
static void clients_vanish(void **state)
{
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    static const char *const asked[] = {
        "",
        "GET /",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
        GET("/a"),
        GET("/big?n=9000000"),
        GET("/file?n=9000000"),
        GET("/later"),
        GET("/a") GET("/later") GET("/b")};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof asked / sizeof *asked; i++) {
        struct client c = dial();
        say(&c, asked[i / 2]);
        for (int k = 0; k < 5; k++)
            wire_turn(0);
        if (i % 2) /* with a reset instead of an end */
            setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        hang_up(&c);
        for (int k = 0; k < 5; k++)
            wire_turn(0);
        while (wire.later_count > 0) {
            struct call *call = wire.later[--wire.later_count];
            buf_string(&call->res->body, "too late");
            call->done(call);
        }
        turn_until_open(0);
    }
}

/* ---- those who may be forgotten ---- */

static struct {
    struct accesslog *access;
    char log[64];
    unsigned calls;
    bool forgets;
} gone;

static bool on_gone(void *self, struct call *call)
{
    assert_ptr_equal(self, &wire);
    assert_ptr_equal(call, wire.later[0]);
    gone.calls++;
    return gone.forgets;
}

/* Connections whose owner wants to know of clients that leave. */
static int wire_set_up_again(void **state)
{
    bool ok;

    wire_set_up(state);
    conns_free(wire.conns);
    wire_listen();
    gone.forgets = true;
    gone.calls = 0;
    strcpy(gone.log, "/tmp/prong-conn-XXXXXX");
    int fd = mkstemp(gone.log);
    assert_true(fd >= 0);
    close(fd);
    gone.access = accesslog_open(gone.log, "%(U)s %(s)s", false, &ok);
    assert_true(ok);
    wire.conns = conns_new(&(struct conns_config){.loop = wire.loop,
                                                  .settings = &wire.settings,
                                                  .listeners = &wire.listener,
                                                  .listener_count = 1,
                                                  .access = gone.access,
                                                  .answer = wire_answer,
                                                  .cancel = on_gone,
                                                  .self = &wire});
    return wire.conns ? 0 : -1;
}

static int wire_tear_down_again(void **state)
{
    wire_tear_down(state);
    accesslog_close(gone.access);
    return unlink(gone.log);
}

static void logged(const char *lines)
{
    char text[256] = "";

    accesslog_flush(gone.access);
    FILE *f = fopen(gone.log, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    assert_string_equal(text, lines);
}

/* Asks for what comes later, and is not answered yet. */
static struct client dial_and_wait(void)
{
    struct client c = dial();

    say(&c, GET("/later"));
    while (wire.later_count == 0)
        wire_turn(1);
    return c;
}

static void turns(int count)
{
    for (int i = 0; i < count; i++)
        wire_turn(1);
}

/* Says more, and turns until the loop has noticed. */
static void say_more(struct client *c, const char *text)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    wire.turns = 0;
    say(c, text);
    while (wire.turns == 0) {
        assert_true(loop_clock_ms() < end);
        wire_turn(1);
    }
}

/* Whoever says more while he waits has not left, however much it is. */
static void pipelines_while_it_waits(void **state)
{
    struct client c = dial_and_wait();

    (void)state;
    say_more(&c, GET("/second"));
    say(&c, GET("/third"));
    turns(5);
    assert_int_equal(gone.calls, 0);
    assert_int_equal(conns_open(wire.conns), 1);
    wire.later[0]->done(wire.later[0]);
    hear(&c, "/third:", 1);
    assert_int_equal(gone.calls, 0);
    logged("/later 200\n/second 200\n/third 200\n");
    wire.later_count = 0; /* the next that waits is listened to as well */
    say(&c, GET("/later"));
    while (wire.later_count == 0)
        wire_turn(1);
    say_more(&c, GET("/fifth"));
    assert_int_equal(gone.calls, 0);
    hang_up(&c);
    turn_until_open(0);
    assert_int_equal(gone.calls, 1);
}

static void is_forgotten_when_it_leaves(void **state)
{
    struct client c = dial_and_wait();

    (void)state;
    hang_up(&c);
    turn_until_open(0);
    turns(5);
    assert_int_equal(gone.calls, 1);
    logged("/later 499\n");
}

/* The end stands behind what nobody has read so far. */
static void leaves_after_it_pipelined(void **state)
{
    struct client c = dial_and_wait();

    (void)state;
    say_more(&c, GET("/second"));
    assert_int_equal(gone.calls, 0);
    hang_up(&c);
    turn_until_open(0);
    assert_int_equal(gone.calls, 1);
    logged("/later 499\n");
}

/* Too late to be forgotten: it is asked once, and answered. */
static void is_answered_though_it_left(void **state)
{
    struct client c = dial_and_wait();

    (void)state;
    gone.forgets = false;
    shutdown(c.fd, SHUT_WR);
    while (gone.calls == 0)
        wire_turn(1);
    turns(5);
    assert_int_equal(gone.calls, 1);
    buf_string(&wire.later[0]->res->body, "done");
    wire.later[0]->done(wire.later[0]);
    hear(&c, "done", 1);
    logged("/later 200\n");
    hang_up(&c);
    turn_until_open(0);
}

/* Before a connection is refused, the one idle for longest has to go. */
static void too_many(void **state)
{
    struct client c[5];

    (void)state;
    wire.settings.worker_connections = 3;
    for (size_t i = 0; i < 2; i++) {
        c[i] = dial();
        say(&c[i], GET("/a"));
        hear(&c[i], "/a:", 1);
    }
    c[2] = dial();
    say(&c[2], GET("/later"));
    while (wire.later_count < 1)
        wire_turn(1);
    hear_end(&c[0]);
    assert_true(conns_open(wire.conns) <= 3);
    for (size_t i = 3; i < 5; i++) {
        c[i] = dial();
        say(&c[i], GET("/later"));
    }
    hear_end(&c[1]);
    while (wire.later_count < 3)
        wire_turn(1);
    for (size_t i = 0; i < 3; i++)
        wire.later[i]->done(wire.later[i]);
    for (size_t i = 2; i < 5; i++)
        hear(&c[i], "200 OK", 1);
    for (size_t i = 0; i < 5; i++)
        hang_up(&c[i]);
}

#define with_cancel(f)                                                         \
    cmocka_unit_test_setup_teardown(f, wire_set_up_again, wire_tear_down_again)
#define with(f) cmocka_unit_test_setup_teardown(f, wire_set_up, wire_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with(keeps_alive),
        with(none_came_when_another_did),
        with(pipelines),
        with(continues),
        with(refuses_and_lingers),
        with(closes),
        with(old_clients),
        with(large_answers),
        with(head_requests),
        with(ids),
        with(answers_later),
        with(clients_vanish),
        with(too_many),
        with_cancel(pipelines_while_it_waits),
        with_cancel(is_forgotten_when_it_leaves),
        with_cancel(leaves_after_it_pipelined),
        with_cancel(is_answered_though_it_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
