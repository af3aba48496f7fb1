#include "wire.h"

#define GET(path)    "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define WITH(fields) "GET /later HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define MARK         "\r\n\r\n\0\r\nQUIT\n"
#define BINARY                                                                 \
    MARK "\x21\x11\x00\x0c\xc0\x00\x02\x07\x01\x01\x01\x01\x00\x01\x00\x02"
#define BINARY_TLS                                                             \
    MARK "\x21\x11\x00\x14\xc0\x00\x02\x07\x01\x01\x01\x01\x00\x01\x00\x02"    \
         "\x20\x00\x05\x01\0\0\0\0"
#define LOCAL MARK "\x20\x00\x00\x00"

enum { NOBODY, LOOPBACK, FAR };

static const char *const lists[][2] = {
    [LOOPBACK] = {"127.0.0.1"}, [FAR] = {"192.0.2.0/24"}};

/* What the next test's server trusts. */
static struct {
    int trusted;
    int senders;
    const char *protocol;
    bool secure;
} setting;

static struct texts texts_of(int which)
{
    static const char *at[3];

    at[which] = lists[which][0];
    return (struct texts){&at[which], which != NOBODY};
}

/* A server of its own for each case. */
static void open_server(void)
{
    void *state = NULL;

    wire_set_up(&state);
    wire_tear_down(&state);
    wire.settings.forwarded_allow_ips = texts_of(setting.trusted);
    wire.settings.proxy_allow_ips = texts_of(setting.senders);
    wire.settings.proxy_protocol = setting.protocol;
    wire.settings.security_headers = setting.secure ? "on" : "off";
    wire.later_count = 0;
    wire_open();
}

static void close_server(void)
{
    void *state = NULL;

    wire_tear_down(&state);
    setting.trusted = setting.senders = NOBODY;
    setting.protocol = "off";
    setting.secure = false;
}

/* The call of a request for /later; its client is answered in finish. */
static const struct call *take_call(void)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    while (wire.later_count == 0) {
        assert_true(loop_clock_ms() < end);
        wire_turn(1);
    }
    return wire.later[0];
}

static void finish(struct client *c)
{
    struct call *call = wire.later[0];

    wire.later_count = 0;
    call->done(call);
    hear(c, "200 OK", 1);
    forget(c);
}

/* ---- fields --------------------------------------------------------------*/

#define SAID                                                                   \
    "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"             \
    "X-Request-ID: theirs\r\n"

static void a_believed_peer(void **state)
{
    struct client c;

    (void)state;
    setting.trusted = LOOPBACK;
    open_server();
    c = dial();
    say(&c, WITH(SAID));
    const struct call *call = take_call();
    assert_string_equal(call->client, "203.0.113.9");
    assert_true(call->secure && call->trusted);
    assert_memory_equal(call->res->id, "theirs", call->res->id_len);
    finish(&c);
    say(&c, WITH("")); /* nothing is left of the former */
    call = take_call();
    assert_string_equal(call->client, "127.0.0.1");
    assert_true(call->trusted && !call->secure);
    assert_int_equal(call->res->id_len, 16);
    finish(&c);
    hang_up(&c);
    close_server();
}

static void a_stranger(void **state)
{
    struct client c;

    (void)state;
    setting.trusted = FAR;
    open_server();
    c = dial();
    say(&c, WITH(SAID));
    const struct call *call = take_call();
    assert_string_equal(call->client, "127.0.0.1");
    assert_false(call->secure || call->trusted);
    assert_int_equal(call->res->id_len, 16);
    finish(&c);
    say(&c, "GET / HTTP/1.1\r\nHost: a\r\nForwarded: \"\r\n\r\n");
    hear(&c, "200 OK", 1); /* what it says is not even read */
    hang_up(&c);
    close_server();
}

static void contradictions(void **state)
{
    struct client c;

    (void)state;
    setting.trusted = LOOPBACK;
    open_server();
    c = dial();
    say(&c, WITH("X-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n"));
    hear(&c, "400 Bad Request", 1);
    hear(&c, "contradict each other about https", 1);
    assert_true(heard(&c, "Connection: close"));
    hear_end(&c);
    hang_up(&c);
    close_server();
}

/* ---- the PROXY header ----------------------------------------------------*/

#define SEND(c, text) say_bytes(c, text, sizeof(text) - 1)

static void named_clients(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *client;
        bool secure;
    } cases[] = {
        {"PROXY TCP4 192.0.2.7 1.1.1.1 1 2\r\n", 34, "192.0.2.7", false},
        {"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", 32, "2001:db8::7", false},
        {"PROXY UNKNOWN\r\n", 15, "127.0.0.1", false},
        {BINARY, sizeof BINARY - 1, "192.0.2.7", false},
        {BINARY_TLS, sizeof BINARY_TLS - 1, "192.0.2.7", true},
        {LOCAL, sizeof LOCAL - 1, "127.0.0.1", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int slowly = 0; slowly < 2; slowly++) {
            struct client c;
            setting.senders = LOOPBACK;
            setting.protocol = "auto";
            open_server();
            c = dial();
            for (size_t n = 0; slowly && n < cases[i].len; n++) {
                say_bytes(&c, cases[i].bytes + n, 1);
                wire_turn(0);
            }
            if (!slowly)
                say_bytes(&c, cases[i].bytes, cases[i].len);
            say(&c, WITH(""));
            const struct call *call = take_call();
            assert_string_equal(call->client, cases[i].client);
            assert_int_equal(call->secure, cases[i].secure);
            assert_false(call->trusted);
            finish(&c);
            say(&c, WITH("")); /* it holds for the connection */
            assert_string_equal(take_call()->client, cases[i].client);
            finish(&c);
            hang_up(&c);
            close_server();
        }
}

/* Header, request and the next request in one piece. */
static void together(void **state)
{
    struct client c;

    (void)state;
    setting.senders = LOOPBACK;
    setting.protocol = "v1";
    open_server();
    c = dial();
    say(&c, "PROXY TCP4 192.0.2.7 1.1.1.1 1 2\r\n" GET("/a") GET("/b"));
    hear(&c, "/a:", 1);
    hear(&c, "/b:", 1);
    say(&c, "PROXY TCP4 192.0.2.7 1.1.1.1 1 2\r\n" GET("/c"));
    hear(&c, "501", 1); /* only at the beginning */
    hear_end(&c);
    hang_up(&c);
    close_server();
}

/* Who is named is not believed because the proxy is; unless it is one. */
static void named_and_forwarded(void **state)
{
    struct client c;

    (void)state;
    for (int trusted = LOOPBACK; trusted <= FAR; trusted++) {
        setting.senders = LOOPBACK;
        setting.trusted = trusted;
        setting.protocol = "v2";
        open_server();
        c = dial();
        SEND(&c, BINARY);
        say(&c, WITH(SAID));
        const struct call *call = take_call();
        assert_int_equal(call->trusted, trusted == FAR);
        assert_string_equal(call->client,
                            trusted == FAR ? "203.0.113.9" : "192.0.2.7");
        finish(&c);
        hang_up(&c);
        close_server();
    }
}

static void refused(const char *bytes, size_t len, int senders,
                    const char *protocol, const char *status)
{
    struct client c;

    setting.senders = senders;
    setting.protocol = protocol;
    open_server();
    c = dial();
    say_bytes(&c, bytes, len);
    hear(&c, status, 1);
    hear_end(&c);
    hang_up(&c);
    close_server();
}

#define REFUSED(text, senders, protocol, status)                               \
    refused(text, sizeof(text) - 1, senders, protocol, status)

static void refusals(void **state)
{
    (void)state;
    REFUSED(GET("/a"), LOOPBACK, "auto", "400 Bad Request");
    REFUSED("PROXY nonsense\r\n" GET("/a"), LOOPBACK, "auto", "400 Bad");
    REFUSED("PROXY UNKNOWN\r\n" GET("/a"), LOOPBACK, "v2", "400 Bad");
    REFUSED(LOCAL GET("/a"), LOOPBACK, "v1", "400 Bad");
    REFUSED("PROXY UNKNOWN\r\n" GET("/a"), FAR, "auto", "403 Forbidden");
    REFUSED("PROXY nonsense\r\n" GET("/a"), FAR, "auto", "403 Forbidden");
    REFUSED(LOCAL GET("/a"), NOBODY, "v2", "403 Forbidden");
    REFUSED("PROXY UNKNOWN\r\n" GET("/a"), LOOPBACK, "off", "501 Not");
}

/* From others it is plain HTTP. */
static void plain_ones(void **state)
{
    struct client c;

    (void)state;
    setting.senders = FAR;
    setting.protocol = "auto";
    open_server();
    c = dial();
    say(&c, "P");
    wire_turn(5);
    say(&c, "OST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    hear(&c, "/a:x", 1);
    hang_up(&c);
    close_server();
}

/* A header alone costs no more than a silent connection. */
static void nothing_behind(void **state)
{
    struct client c;

    (void)state;
    setting.senders = LOOPBACK;
    setting.protocol = "auto";
    open_server();
    c = dial();
    SEND(&c, LOCAL);
    hear_end(&c); /* after header_timeout, without a word */
    assert_int_equal(c.in.len, 0);
    hang_up(&c);
    close_server();
}

/* ---- what every answer says ----------------------------------------------*/

static void security(void **state)
{
    static const char sniff[] = "\r\nX-Content-Type-Options: nosniff\r\n";
    static const char strict[] = "\r\nStrict-Transport-Security: max-age=";
    struct client c;

    (void)state;
    setting.secure = true;
    setting.trusted = LOOPBACK;
    open_server();
    c = dial();
    say(&c, GET("/a"));
    hear(&c, "/a:", 1);
    assert_true(heard(&c, sniff) && !heard(&c, strict));
    forget(&c);
    say(&c, "GET /b HTTP/1.1\r\nHost: a\r\n" SAID "\r\n");
    hear(&c, "/b:", 1);
    assert_true(heard(&c, sniff) && heard(&c, strict));
    forget(&c);
    say(&c, "nonsense\r\n\r\n");
    hear(&c, "400 Bad", 1);
    assert_true(heard(&c, sniff));
    hang_up(&c);
    close_server();

    open_server();
    c = dial();
    say(&c, GET("/a"));
    hear(&c, "/a:", 1);
    assert_false(heard(&c, sniff));
    hang_up(&c);
    close_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_believed_peer),
        cmocka_unit_test(a_stranger),
        cmocka_unit_test(contradictions),
        cmocka_unit_test(named_clients),
        cmocka_unit_test(together),
        cmocka_unit_test(named_and_forwarded),
        cmocka_unit_test(refusals),
        cmocka_unit_test(plain_ones),
        cmocka_unit_test(nothing_behind),
        cmocka_unit_test(security),
    };

    setting.protocol = "off";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
