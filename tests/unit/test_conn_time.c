#include "tests/unit/wire.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* Every limit is one second here; the slack is for a busy machine. */
static void in_time(uint64_t took_ms)
{
    assert_in_range(took_ms, 800, 4000);
}

/* Six clients that are too slow, each in its own way, at the same time. */
static void deadlines(void **state)
{
    struct client silent = dial();
    struct client head = dial();
    struct client body = dial();
    struct client idle = dial();
    struct client deaf = dial();
    struct client blank = dial();
    uint64_t start = loop_clock_ms();

    (void)state;
    say(&idle, GET("/a"));
    hear(&idle, "/a:", 1);
    say(&head, "GET / HTTP/1.1\r\nHost:");
    say(&body, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12345");
    say(&blank, "\r\n\r\n");
    say(&deaf, GET("/big?n=50000000"));

    hear_end(&silent);
    in_time(loop_clock_ms() - start);
    assert_int_equal(silent.in.len, 0);
    hear_end(&idle);
    in_time(loop_clock_ms() - start);
    hear_end(&blank);
    assert_int_equal(blank.in.len, 0);
    hear_end(&head);
    in_time(loop_clock_ms() - start);
    assert_true(heard(&head, "HTTP/1.1 408 Request Timeout\r\n"));
    assert_true(heard(&head, "Connection: close\r\n"));
    hear_end(&body);
    in_time(loop_clock_ms() - start);
    assert_true(heard(&body, "HTTP/1.1 408 Request Timeout\r\n"));
    /* Those whom we answered first may still send something. */
    close(head.fd);
    close(body.fd);
    turn_until_open(0); /* the deaf one too */
    in_time(loop_clock_ms() - start);
    hear_end(&deaf);
    assert_true(deaf.in.len < 50000000);
    buf_free(&head.in);
    buf_free(&body.in);
    hang_up(&silent);
    hang_up(&idle);
    hang_up(&blank);
    hang_up(&deaf);
}

/* A worker whose first answer of all is a refusal has a clock too. */
static void first_answer_has_a_date(void **state)
{
    struct client c = dial();

    (void)state;
    say(&c, "G");
    hear_end(&c);
    assert_true(memchr(c.in.data, '\0', c.in.len) == NULL);
    const char *date = strstr(buf_text(&c.in), "\r\nDate: ");
    assert_non_null(date);
    assert_memory_equal(date + 8 + 25, " GMT\r\n", 6);
    hang_up(&c);
}

/* What its answer took is not of a client's time. */
static void after_a_long_statement(void **state)
{
    struct client c = dial();

    (void)state;
    say(&c, GET("/long?n=1200"));
    hear(&c, "/long:", 1);
    for (int i = 0; i < 5; i++)
        wire_turn(0);
    say(&c, GET("/again"));
    hear(&c, "/again:", 1);
    hang_up(&c);
}

/* Bytes that trickle do not win more time for the head. */
static void trickle(void **state)
{
    struct client c = dial();
    uint64_t start = loop_clock_ms();
    uint64_t next = start;

    (void)state;
    say(&c, "GET / HTTP/1.1\r\nX: ");
    while (!c.ended) {
        assert_true(loop_clock_ms() < start + PATIENCE_MS);
        if (loop_clock_ms() >= next) {
            say(&c, "x");
            next = loop_clock_ms() + 50;
        }
        wire_turn(5);
        listen_up(&c);
    }
    in_time(loop_clock_ms() - start);
    hang_up(&c);
}

/* The client that reads on, however slowly, gets all of it. */
static void slow_reader(void **state)
{
    enum { SIZE = 12 * 1000 * 1000 };
    static char sink[1000 * 1000];
    struct client c = dial();
    size_t got = 0;

    (void)state;
    say(&c, GET("/big?n=12000000"));
    while (got < SIZE) {
        uint64_t until = loop_clock_ms() + 300;
        while (loop_clock_ms() < until)
            wire_turn(10);
        ssize_t n = 0;
        for (size_t part = 0; part < 4000000 && n >= 0; part += (size_t)n) {
            n = recv(c.fd, sink, sizeof sink, 0);
            assert_true(n != 0); /* not closed */
            got += n > 0 ? (size_t)n : 0;
            wire_turn(0);
        }
    }
    hang_up(&c);
}

/* Leaving: who waits in the backlog is served, who is idle may ask once
 * more, who is busy gets the answer; then all is closed. */
static void drains(void **state)
{
    struct client idle = dial();
    struct client busy = dial();
    struct client quiet = dial();

    (void)state;
    say(&idle, GET("/a"));
    hear(&idle, "/a:", 1);
    say(&quiet, GET("/q"));
    hear(&quiet, "/q:", 1);
    say(&busy, GET("/later"));
    while (wire.later_count == 0)
        wire_turn(1);
    struct client waiting = dial(); /* nobody has accepted it */
    conns_drain(wire.conns, 30000);
    conns_drain(wire.conns, 30000);

    say(&waiting, GET("/w"));
    hear_end(&waiting);
    assert_true(heard(&waiting, "/w:") && heard(&waiting, "Connection: close"));
    say(&idle, GET("/b"));
    hear_end(&idle);
    assert_true(heard(&idle, "/b:") && heard(&idle, "Connection: close"));
    struct client late = dial();
    for (int i = 0; i < 10 && !late.ended; i++) {
        wire_turn(1);
        listen_up(&late);
    }
    assert_true(late.reset); /* connection refused */
    wire.later[0]->done(wire.later[0]);
    hear_end(&busy);
    assert_true(heard(&busy, "200 OK") && heard(&busy, "Connection: close"));
    in_time(hear_end(&quiet) + 800); /* its second may have gone by */
    hang_up(&idle);
    hang_up(&waiting);
    hang_up(&busy);
    turn_until_open(0);
    hang_up(&quiet);
    hang_up(&late);
}

/* Who is silent has no longer than the grace, whoever else is busy. */
static void short_grace(void **state)
{
    struct client idle = dial();
    struct client typing = dial();
    struct client silent;

    (void)state;
    say(&idle, GET("/a"));
    hear(&idle, "/a:", 1);
    say(&typing, "GET /t HTTP/1.1\r\n");
    while (conns_open(wire.conns) < 2)
        wire_turn(1);
    for (int i = 0; i < 5; i++)
        wire_turn(1);
    silent = dial();
    while (conns_open(wire.conns) < 3)
        wire_turn(1);
    uint64_t start = loop_clock_ms();
    conns_drain(wire.conns, 100);
    hear_end(&idle);
    hear_end(&silent);
    assert_true(loop_clock_ms() - start < 600);
    say(&typing, "Host: a\r\n\r\n");
    hear_end(&typing);
    assert_true(heard(&typing, "/t:"));
    hang_up(&idle);
    hang_up(&silent);
    hang_up(&typing);
}

/* keepalive = 0: one request a connection. */
static void without_keep_alive(void **state)
{
    struct client c;

    wire_tear_down(state);
    wire.settings.keepalive = 0;
    wire_open();
    c = dial();
    say(&c, GET("/a") GET("/b"));
    hear_end(&c);
    assert_true(heard(&c, "/a:") && heard(&c, "Connection: close"));
    assert_false(heard(&c, "/b:"));
    hang_up(&c);
}

#define with(f) cmocka_unit_test_setup_teardown(f, wire_set_up, wire_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with(deadlines),
        with(first_answer_has_a_date),
        with(after_a_long_statement),
        with(trickle),
        with(slow_reader),
        with(drains),
        with(short_grace),
        with(without_keep_alive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
