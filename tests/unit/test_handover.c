#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "master/handover.h"

static struct arena *arena;
static struct handover h;
static struct fault fault;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool parse(const char *fds)
{
    fault.text[0] = '\0';
    return handover_parse("4711", fds, arena, &h, &fault);
}

static void what_is_written_is_read(void **state)
{
    const int bells[] = {10, 12, 11};
    const struct handed_socket sockets[] = {
        {3, "0.0.0.0:8000"}, {4, "unix:/run/a b.sock"}, {0, "fd://0"}};
    const struct handover given = {.from = 4711,
                                   .life = 9,
                                   .segment = 8,
                                   .bell = 6,
                                   .bells = bells,
                                   .bell_count = 3,
                                   .word = 13,
                                   .control = {14, "/run/a b.ctl"},
                                   .sockets = sockets,
                                   .socket_count = 3};
    struct buf text = {0};
    int *fds;

    (void)state;
    handover_write(&given, &text);
    assert_true(parse(buf_text(&text)));
    assert_int_equal(h.from, 4711);
    assert_int_equal(h.life, 9);
    assert_int_equal(h.segment, 8);
    assert_int_equal(h.bell, 6);
    assert_int_equal(h.word, 13);
    assert_int_equal(h.control.fd, 14);
    assert_string_equal(h.control.asked, "/run/a b.ctl");
    assert_int_equal(h.bell_count, 3);
    assert_memory_equal(h.bells, bells, sizeof bells);
    assert_int_equal(h.socket_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(h.sockets[i].fd, sockets[i].fd);
        assert_string_equal(h.sockets[i].asked, sockets[i].asked);
    }
    assert_int_equal(handover_fds(&h, arena, &fds), 11);
    const int all[] = {9, 8, 6, 13, 14, 10, 12, 11, 3, 4, 0};
    assert_memory_equal(fds, all, sizeof all);
    buf_free(&text);
}

/* A socket that cannot be named is not handed over. */
static void a_line_break_makes_no_second_line(void **state)
{
    const struct handed_socket sockets[] = {{3, "unix:/a\nsegment 7"},
                                            {4, "unix:/b"}};
    struct handover given;
    struct buf text = {0};

    (void)state;
    handover_none(&given);
    given.life = 9;
    given.control = (struct handed_socket){5, "/a\nword 6"};
    given.sockets = sockets;
    given.socket_count = 2;
    handover_write(&given, &text);
    assert_string_equal(buf_text(&text), "life 9\nlisten 4 unix:/b\n");
    buf_free(&text);
}

static void only_life_must_be_there(void **state)
{
    int *fds;

    (void)state;
    assert_true(parse("life 5"));
    assert_int_equal(h.segment, -1);
    assert_int_equal(h.bell, -1);
    assert_int_equal(h.word, -1);
    assert_int_equal(h.control.fd, -1);
    assert_int_equal(h.bell_count, 0);
    assert_int_equal(h.socket_count, 0);
    assert_int_equal(handover_fds(&h, arena, &fds), 1);
}

/* What a later version says beside is not for us. */
static void unknown_words_are_passed_over(void **state)
{
    (void)state;
    assert_true(parse("later 1 2 x\nlife 5\nnow\n"));
    assert_int_equal(h.life, 5);
}

static void nonsense_is_refused(void **state)
{
    static const struct {
        const char *fds;
        const char *reason;
    } cases[] = {
        {"", "\"life\" is not given"},
        {"segment 4\n", "\"life\" is not given"},
        {"life\n", "\"life\" is not understood"},
        {"life \n", "\"life \" is not understood"},
        {"life x\n", "\"life x\""},
        {"life -1\n", "\"life -1\""},
        {"life 1048576\n", "\"life 1048576\""},
        {"life 99999999999999999999\n", "is not understood"},
        {"life 5 6\n", "\"life 5 6\""},
        {"life 5\nlife 6\n", "\"life 6\""},
        {"life  5\n", "\"life  5\""},
        {"life 5\n\nbell 6\n", "\"\" is not understood"},
        {"life 5\nbells\n", "\"bells\""},
        {"life 5\nbells 1  2\n", "\"bells 1  2\""},
        {"life 5\nbells 1 2 \n", "\"bells 1 2 \""},
        {"life 5\nbells 1\nbells 2\n", "\"bells 2\""},
        {"life 5\nlisten 6\n", "\"listen 6\""},
        {"life 5\nlisten 6 \n", "\"listen 6 \""},
        {"life 5\nlisten x a:1\n", "\"listen x a:1\""},
        {"life 5\ncontrol 6\n", "\"control 6\""},
        {"life 5\ncontrol 6 /a\ncontrol 7 /a\n", "\"control 7 /a\""},
        {"life 5\nword 6 7\n", "\"word 6 7\""},
        {"life 5\nword 5\n", "5 is given twice"},
        {"life 5\nbell 5\n", "5 is given twice"},
        {"life 5\nbells 7 8 7\n", "7 is given twice"},
        {"life 5\nsegment 3\nlisten 3 a:1\n", "3 is given twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(parse(cases[i].fds));
        if (strstr(fault.text, cases[i].reason) == NULL)
            fail_msg("\"%s\": %s", cases[i].fds, fault.text);
    }
}

static void a_process_has_a_number(void **state)
{
    static const char *const bad[] = {"",   "0",   "-1",          "x",
                                      " 1", "1\n", "99999999999", "0x10"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fault.text[0] = '\0';
        assert_false(handover_parse(bad[i], "life 5", arena, &h, &fault));
        assert_non_null(strstr(fault.text, "is no process"));
    }
    assert_true(handover_parse("1", "life 5", arena, &h, &fault));
}

static void many_are_no_matter(void **state)
{
    struct buf text = {0};

    (void)state;
    buf_string(&text, "life 2000\nbells");
    for (int i = 0; i < 1000; i++)
        buf_format(&text, " %d", i);
    assert_true(parse(buf_text(&text)));
    assert_int_equal(h.bell_count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(h.bells[i], i);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_line_break_makes_no_second_line,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_life_must_be_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(unknown_words_are_passed_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_has_a_number, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_are_no_matter, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
