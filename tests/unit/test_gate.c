#include "ask.h"
#include "worker/endpoint/gate.h"

/* --admin-bind asks for no token; so it looks at who could be made to call. */

static struct request *req;
static struct buf in;
static struct response res;
static const struct gate gate = {.tokens = NULL};

static int make(void **state)
{
    (void)state;
    req = request_new(&ask_limits);
    response_init(&res);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    request_free(req);
    buf_free(&in);
    response_free(&res);
    return 0;
}

/* 200, or that of the refusal. */
static int knock(const char *peer, const char *client, const char *head)
{
    struct trace trace = {.record = NULL};
    struct call call = {.req = req,
                        .res = &res,
                        .trace = &trace,
                        .peer = peer,
                        .client = client,
                        .admin = true};

    request_reset(req);
    response_reset(&res);
    buf_clear(&in);
    buf_format(&in, "%s\r\n\r\n", head);
    if (request_feed(req, &in) != REQUEST_COMPLETE)
        fail_msg("%s: %s", head, request_reason(req));
    return gate_operator(&gate, &call) ? 200 : res.status;
}

static int host(const char *peer, const char *name)
{
    char head[256];

    snprintf(head, sizeof head, "GET /metrics HTTP/1.1\r\nHost: %s", name);
    return knock(peer, peer, head);
}

static void addresses_are_fine(void **state)
{
    static const char *const names[] = {
        "127.0.0.1",  "127.0.0.1:8001", "10.0.0.1",  "127.0.0.1.",
        "[::1]",      "[::1]:8001",     "localhost", "localhost:8001",
        "LocalHost.", "localhost.:80",  ""};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (host("127.0.0.1", names[i]) != 200)
            fail_msg("'%s' is refused", names[i]);
    assert_int_equal(knock("127.0.0.1", "", "GET / HTTP/1.0"), 200);
}

static void names_are_not(void **state)
{
    static const char *const names[] = {
        "evil.example",       "evil.example:8001", "EVIL",
        "localhost.example",  "xlocalhost",        "127.0.0.1.example",
        "127.0.0.1.example.", "1e100.example:80",  "localhost.."};
    static const char *const peers[] = {"127.0.0.1", "127.8.9.10", "::1",
                                        "::ffff:127.0.0.1"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof peers / sizeof *peers; k++)
            if (host(peers[k], names[i]) != 403)
                fail_msg("%s by '%s' is admitted", peers[k], names[i]);
    assert_non_null(strstr(buf_text(&res.body) + RESPONSE_ROOM,
                           "Use an address, not a name, on the admin socket"));
    assert_null(strstr(buf_text(&res.headers), "WWW-Authenticate"));
}

/* It goes before Host, which has to be there all the same. */
static void targets_have_names(void **state)
{
#define BOTH(target, host) "GET " target " HTTP/1.1\r\nHost: " host

    static const struct {
        const char *head;
        int status;
    } cases[] = {
        {BOTH("http://evil.example/metrics", "127.0.0.1"), 403},
        {BOTH("HTTP://evil.example:80?a=http://127.0.0.1/", "localhost"), 403},
        {BOTH("http://evil.example", "127.0.0.1"), 403},
        {BOTH("http://127.0.0.1:8001/metrics", "evil.example"), 200},
        {BOTH("http://[::1]/", "evil.example"), 200},
        {BOTH("/http://127.0.0.1/", "evil.example"), 403},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (knock("127.0.0.1", "127.0.0.1", cases[i].head) != cases[i].status)
            fail_msg("%s: %d", cases[i].head, res.status);
}

/* A page may say so: it is its own origin by then. */
static void who_is_told_of_does_not_count(void **state)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: evil.example";

    (void)state;
    assert_int_equal(knock("127.0.0.1", "192.0.2.1", head), 403);
    assert_int_equal(knock("127.0.0.1", "", head), 403);
}

static void others_use_names(void **state)
{
    (void)state;
    assert_int_equal(host("10.0.0.7", "prong.example"), 200);
    assert_int_equal(host("2001:db8::1", "prong.example"), 200);
    assert_int_equal(host("", "prong.example"), 200); /* a unix socket */
    assert_int_equal(host(NULL, "prong.example"), 200);
}

static void pages_change_nothing(void **state)
{
#define FROM_PAGE(verb)                                                        \
    verb " / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"             \
         "Origin: https://a.example"

    (void)state;
    assert_int_equal(knock("127.0.0.1", "127.0.0.1", FROM_PAGE("POST")), 403);
    assert_null(strstr(buf_text(&res.headers), "WWW-Authenticate"));
    assert_int_equal(knock("127.0.0.1", "127.0.0.1", FROM_PAGE("GET")), 200);
    assert_int_equal(host("127.0.0.1", "localhost"), 200);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(addresses_are_fine), T(names_are_not),
        T(targets_have_names), T(who_is_told_of_does_not_count),
        T(others_use_names),   T(pages_change_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
