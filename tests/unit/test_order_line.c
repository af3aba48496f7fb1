#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "master/control/order_line.h"

static void orders_are_read(void **state)
{
    static const struct {
        const char *line;
        enum order_verb verb;
        bool json, process, at_once;
        int64_t number;
        const char *id;
    } cases[] = {
        {.line = "", .verb = ORDER_STATUS},
        {.line = "  ", .verb = ORDER_STATUS},
        {.line = "json", .verb = ORDER_STATUS, .json = true},
        {.line = "status", .verb = ORDER_STATUS},
        {.line = " json   workers ", .verb = ORDER_WORKERS, .json = true},
        {.line = "requests", .verb = ORDER_REQUESTS},
        {.line = "writers", .verb = ORDER_WRITERS},
        {.line = "changes", .verb = ORDER_CHANGES},
        {.line = "worker add", .verb = ORDER_ADD},
        {.line = "worker add 256", .verb = ORDER_ADD, .number = 256},
        {.line = "worker remove", .verb = ORDER_REMOVE},
        {.line = "worker remove 2", .verb = ORDER_REMOVE, .number = 2},
        {.line = "worker remove 31337", .verb = ORDER_REMOVE, .number = 31337},
        {"worker remove pid 2", ORDER_REMOVE, .number = 2, .process = true},
        {"worker replace 77", ORDER_REPLACE, .number = 77, .process = true},
        {"worker replace pid 7", ORDER_REPLACE, .number = 7, .process = true},
        {.line = "reload", .verb = ORDER_RELOAD},
        {.line = "json reload", .verb = ORDER_RELOAD, .json = true},
        {.line = "reopen", .verb = ORDER_REOPEN},
        {.line = "upgrade", .verb = ORDER_UPGRADE},
        {.line = "at-once upgrade", .verb = ORDER_UPGRADE, .at_once = true},
        {.line = "kill a1-b_2.c", .verb = ORDER_KILL, .id = "a1-b_2.c"},
        {.line = "kill kill", .verb = ORDER_KILL, .id = "kill"},
        {.line = "kill json", .verb = ORDER_KILL, .id = "json"},
        {"json at-once stop", ORDER_STOP, .json = true, .at_once = true},
        {.line = "quit", .verb = ORDER_QUIT},
        {.line = "version", .verb = ORDER_VERSION},
        {.line = "help", .verb = ORDER_HELP},
        {.line = "top", .verb = ORDER_TOP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct order o;
        struct fault fault = {""};
        if (!order_read(slice_of(cases[i].line), &o, &fault))
            fail_msg("%s: %s", cases[i].line, fault.text);
        assert_int_equal(o.verb, cases[i].verb);
        assert_int_equal(o.json, cases[i].json);
        assert_int_equal(o.process, cases[i].process);
        assert_int_equal(o.at_once, cases[i].at_once);
        assert_int_equal(o.number, cases[i].number ? cases[i].number : 1);
        if (cases[i].id)
            assert_true(slice_is(o.id, cases[i].id));
    }
}

static void others_are_refused(void **state)
{
    static const struct {
        struct slice line;
        const char *reason;
    } cases[] = {
        {SLICE("statsu"), "statsu: no such command; did you mean status?"},
        {SLICE("worker ad 3"),
         "worker ad: no such command; did you mean worker add?"},
        {SLICE("xyzzy"), "xyzzy: no such command; help lists them"},
        {SLICE("Status"), "Status: no such command; did you mean status?"},
        {SLICE("json json"), "json: no such command; help lists them"},
        {SLICE("quitt"), "quitt: no such command; did you mean quit?"},
        {SLICE("status now"), "Say it like this: status"},
        {SLICE("top now"), "Say it like this: top"},
        {SLICE("worker add x"), "Say it like this: worker add [N]"},
        {SLICE("worker add 0"), "Say it like this: worker add [N]"},
        {SLICE("worker add -2"), "Say it like this: worker add [N]"},
        {SLICE("worker add 2 3"), "Say it like this: worker add [N]"},
        {SLICE("worker add pid 3"), "Say it like this: worker add [N]"},
        {SLICE("worker add 257"), "257 is too many: at most 256"},
        {SLICE("worker add 99999999999999999999"),
         "Say it like this: worker add [N]"},
        {SLICE("worker remove pid"),
         "Say it like this: worker remove [N | PID]"},
        {SLICE("worker remove 2000000000"), "2000000000 is no process id"},
        {SLICE("worker replace"), "Say it like this: worker replace PID"},
        {SLICE("kill"), "Say it like this: kill REQUEST_ID"},
        {SLICE("kill a b"), "Say it like this: kill REQUEST_ID"},
        {SLICE("a b c d e f g"), "A request has at most 6 words"},
        {SLICE("stop\0"), "A request is one line of ASCII text"},
        {SLICE("stop\r"), "A request is one line of ASCII text"},
        {SLICE("kill \x1b[2J"), "A request is one line of ASCII text"},
        {SLICE("kill \xc3\xa4"), "A request is one line of ASCII text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct order o;
        struct fault fault = {""};
        assert_false(order_read(cases[i].line, &o, &fault));
        assert_string_equal(fault.text, cases[i].reason);
    }
}

/* What stands in help can be said: without what is optional, and with a 7
 * for what is not. */
static void say_it(struct slice line, char *text, size_t size)
{
    struct slice usage = slice_trim((struct slice){line.ptr, 24});
    size_t plain = 0;

    while (plain < usage.len && strchr("[PR", usage.ptr[plain]) == NULL)
        plain++;
    bool needs = plain < usage.len && usage.ptr[plain] != '[';
    snprintf(text, size, "%.*s%s", (int)plain, usage.ptr, needs ? "7" : "");
}

static void help_names_them_all(void **state)
{
    struct buf help = {0};
    struct slice rest;
    size_t lines = 0;

    (void)state;
    order_help(&help);
    rest = buf_view(&help);
    while (rest.len > 0) {
        struct slice line = slice_cut(&rest, '\n');
        struct order o;
        struct fault fault = {""};
        char text[64];
        assert_true(line.len > 25 && line.ptr[24] == ' ');
        say_it(line, text, sizeof text);
        if (!order_read(slice_of(text), &o, &fault))
            fail_msg("%s: %s", text, fault.text);
        assert_int_equal(o.verb, lines);
        lines++;
    }
    assert_int_equal(lines, ORDER_TOP);
    buf_free(&help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_read),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(help_names_them_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
