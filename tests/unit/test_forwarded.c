#include "ask.h"
#include "worker/http/forwarded.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct ask asker;
static struct networks *trusted; /* 10.0.0.0/8 and ::1 */
static struct networks *everybody;

static int open_lists(void **state)
{
    const char *own[] = {"10.0.0.0/8", "::1"};
    const char *all[] = {"*"};
    struct fault fault;

    (void)state;
    trusted = networks_new(&(struct texts){own, 2}, "", &fault);
    everybody = networks_new(&(struct texts){all, 1}, "", &fault);
    return trusted == NULL || everybody == NULL;
}

static int close_lists(void **state)
{
    (void)state;
    networks_free(trusted);
    networks_free(everybody);
    ask_free(&asker);
    return 0;
}

#define FOR   "X-Forwarded-For: "
#define PROTO "X-Forwarded-Proto: "
#define FWD   "Forwarded: "
#define END   "\r\n"

static const struct {
    const char *fields;
    const char *client;
    enum scheme scheme;
    bool all;          /* everybody is believed */
    const char *fault; /* begins so; null: none */
} cases[] = {
    {"Accept: */*" END, "", SCHEME_UNSAID, false, NULL},

    /* X-Forwarded-For */
    {FOR "192.0.2.1" END, "192.0.2.1", 0, false, NULL},
    {FOR "198.51.100.9, 192.0.2.1" END, "192.0.2.1", 0, false, NULL},
    {FOR "198.51.100.9, 192.0.2.1, 10.1.1.1,10.2.2.2" END, "192.0.2.1", 0,
     false, NULL},
    {FOR "198.51.100.9" END FOR "192.0.2.1" END "x-forwarded-for: 10.1.1.1" END,
     "192.0.2.1", 0, false, NULL},
    {FOR "10.1.1.1, 10.2.2.2" END, "10.1.1.1", 0, false, NULL},
    {FOR "198.51.100.9, 192.0.2.1, 10.1.1.1" END, "198.51.100.9", 0, true,
     NULL},
    {FOR "::FFFF:192.0.2.1" END, "192.0.2.1", 0, false, NULL},
    {FOR "2001:DB8::1, ::1" END, "2001:db8::1", 0, false, NULL},
    {FOR "192.0.2.1:4711" END, "192.0.2.1", 0, false, NULL},
    {FOR "[2001:db8::1]:4711" END, "2001:db8::1", 0, false, NULL},
    {FOR "[2001:db8::1]" END, "2001:db8::1", 0, false, NULL},
    {FOR "unknown" END, "", 0, false, NULL},
    {FOR "192.0.2.1, unknown" END, "", 0, false, NULL},
    {FOR "192.0.2.1, unknown, 10.1.1.1" END, "10.1.1.1", 0, false, NULL},
    {FOR "nonsense, 192.0.2.1" END, "192.0.2.1", 0, false, NULL},
    {FOR "192.0.2.1, [192.0.2.2]" END, "", 0, false, NULL},
    {FOR "192.0.2.1:port" END, "", 0, false, NULL},
    {FOR "[2001:db8::1]4711" END, "", 0, false, NULL},
    {FOR "[2001:db8::1" END, "", 0, false, NULL},
    {FOR ", 192.0.2.1 ,," END, "192.0.2.1", 0, false, NULL},
    {FOR END, "", 0, false, NULL},
    {"X_Forwarded_For: 192.0.2.1" END, "", 0, false, NULL},

    /* the scheme */
    {PROTO "https" END, "", SCHEME_HTTPS, false, NULL},
    {PROTO "HTTPS" END, "", SCHEME_HTTPS, false, NULL},
    {PROTO "http" END, "", SCHEME_HTTP, false, NULL},
    {PROTO END, "", SCHEME_HTTP, false, NULL},
    {PROTO "http, https" END, "", SCHEME_HTTPS, false, NULL},
    {PROTO "https, http" END, "", SCHEME_HTTP, false, NULL},
    {"X-Forwarded-Protocol: ssl" END, "", SCHEME_HTTPS, false, NULL},
    {"X-Forwarded-Ssl: on" END, "", SCHEME_HTTPS, false, NULL},
    {"X-Forwarded-Ssl: off" END, "", SCHEME_HTTP, false, NULL},
    {PROTO "https" END "X-Forwarded-Ssl: on" END FWD "proto=https" END, "",
     SCHEME_HTTPS, false, NULL},
    {PROTO "https" END PROTO "http" END, "", 0, false, "The proxy's fields"},
    {PROTO "https" END "X-Forwarded-Ssl: off" END, "", 0, false,
     "The proxy's fields"},
    {PROTO "http" END FWD "proto=https" END, "", 0, false,
     "The proxy's fields"},

    /* Forwarded */
    {FWD "for=192.0.2.43" END, "192.0.2.43", 0, false, NULL},
    {FWD "For=\"[2001:db8:cafe::17]:4711\"" END, "2001:db8:cafe::17", 0, false,
     NULL},
    {FWD "for=192.0.2.60;proto=http;by=203.0.113.43" END, "192.0.2.60",
     SCHEME_HTTP, false, NULL},
    {FWD "for=192.0.2.43, for=198.51.100.17" END, "198.51.100.17", 0, false,
     NULL},
    {FWD "for=192.0.2.43;proto=https, for=10.1.1.1;proto=http" END,
     "192.0.2.43", SCHEME_HTTPS, false, NULL},
    {FWD "for=192.0.2.43" END FWD "for=\"10.1.1.1:80\" ; proto=http" END,
     "192.0.2.43", 0, false, NULL},
    {FWD "for=\"192.0.2.43\";host=\"a,b;c=\\\"d\";by=_x" END, "192.0.2.43", 0,
     false, NULL},
    {FWD "for=\"\\1\\92.0.2.43\"" END, "192.0.2.43", 0, false, NULL},
    {FWD "for=192.0.2.43, for=unknown" END, "", 0, false, NULL},
    {FWD "for=192.0.2.43, for=_hidden;proto=https" END, "", SCHEME_HTTPS, false,
     NULL},
    {FWD "for=192.0.2.43, proto=https" END, "", SCHEME_HTTPS, false, NULL},
    {FWD "for=192.0.2.43, ,;" END, "192.0.2.43", 0, false, NULL},
    {FWD END, "", 0, false, NULL},
    {FWD "for=192.0.2.43;for=192.0.2.44" END, "", 0, false, "Forwarded is"},
    {FWD "proto=http;proto=http" END, "", 0, false, "Forwarded is"},
    {FWD "for=2001:db8::1" END, "", 0, false, "Forwarded is"},
    {FWD "for=\"192.0.2.43" END, "", 0, false, "Forwarded is"},
    {FWD "for=\"192.0.2.43\\" END, "", 0, false, "Forwarded is"},
    {FWD "for=\"a" END FWD "for=192.0.2.43\"" END, "", 0, false,
     "Forwarded is"},
    {FWD "for" END, "", 0, false, "Forwarded is"},
    {FWD "for=" END, "", 0, false, "Forwarded is"},
    {FWD "for=\"\"" END, "", 0, false, "Forwarded is"},
    {FWD "=a" END, "", 0, false, "Forwarded is"},
    {FWD "for=a b" END, "", 0, false, "Forwarded is"},
    {FWD "192.0.2.43" END, "", 0, false, "Forwarded is"},

    /* both */
    {FWD "for=192.0.2.1" END FOR "192.0.2.1, 10.0.0.1" END, "192.0.2.1", 0,
     false, NULL},
    {FOR "192.0.2.1" END FWD "proto=https" END, "192.0.2.1", SCHEME_HTTPS,
     false, NULL},
    {FOR "192.0.2.1" END FWD "for=unknown" END, "192.0.2.1", 0, false, NULL},
    {FWD "for=192.0.2.1" END FOR "192.0.2.2" END, "", 0, false,
     "Forwarded and X-Forwarded-For"},
};

static void fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct asked q = {.line = "GET /", .fields = cases[i].fields};
        const struct request *req = ask(&asker, &q);
        struct forwarded told;
        const char *reason = "unset";
        bool good = forwarded_read(cases[i].all ? everybody : trusted, req,
                                   &told, &reason);

        if (good != (cases[i].fault == NULL) ||
            (cases[i].fault &&
             strncmp(reason, cases[i].fault, strlen(cases[i].fault)) != 0))
            fail_msg("%s-> %s", cases[i].fields, reason);
        if (good && (strcmp(told.client, cases[i].client) != 0 ||
                     told.scheme != cases[i].scheme))
            fail_msg("%s-> \"%s\", %d", cases[i].fields, told.client,
                     told.scheme);
    }
}

static void ids(void **state)
{
    const struct asked one = {
        .line = "GET /",
        .fields = "x-request-id: a\r\nX-Request-ID: b\r\nX-Request-Ix: c\r\n"};
    const struct asked none = {.line = "GET /"};
    struct forwarded told;
    const char *reason;

    (void)state;
    assert_true(forwarded_read(trusted, ask(&asker, &one), &told, &reason));
    assert_true(slice_is(told.request_id, "a"));
    assert_true(forwarded_read(trusted, ask(&asker, &none), &told, &reason));
    assert_null(told.request_id.ptr);
}

static bool read_many(const char *name, const char *item, int count)
{
    struct buf fields = {0};
    struct forwarded told;
    const char *reason;

    buf_string(&fields, name);
    for (int i = 0; i < count; i++)
        buf_format(&fields, "%s%s", i ? "," : "", item);
    buf_string(&fields, "\r\n");
    const struct asked q = {.line = "GET /", .fields = buf_text(&fields)};
    bool good = forwarded_read(trusted, ask(&asker, &q), &told, &reason);
    buf_free(&fields);
    return good;
}

static void many(void **state)
{
    (void)state;
    assert_true(read_many(FOR, "192.0.2.1", FORWARDED_HOPS));
    assert_false(read_many(FOR, "192.0.2.1", FORWARDED_HOPS + 1));
    assert_false(read_many(FOR, "x", FORWARDED_HOPS + 1));
    assert_true(read_many(FWD, "for=192.0.2.1", FORWARDED_HOPS));
    assert_false(read_many(FWD, "for=192.0.2.1", FORWARDED_HOPS + 1));
    assert_true(read_many(FWD, "", 8000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(ids),
        cmocka_unit_test(many),
    };

    return cmocka_run_group_tests(tests, open_lists, close_lists);
}
