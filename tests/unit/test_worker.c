#include "tests/unit/workshop.h"

static struct slot *slot(void)
{
    return &shop.shared.slots[SLOT];
}

static void tell(int signal)
{
    assert_true(shop.pid > 0);
    assert_int_equal(kill(shop.pid, signal), 0);
}

/* ---- coming --------------------------------------------------------------*/

static bool has_counted_one(void)
{
    return atomic_load(&slot()->requests) == 1 &&
           atomic_load(&slot()->connections) == 1;
}

static bool has_accepted_two(void)
{
    return atomic_load(&slot()->accepted) == 42;
}

static void tells_of_itself(void **state)
{
    uint64_t rung;

    (void)state;
    atomic_store(&slot()->accepted, 40); /* by those who were there before */
    atomic_store(&slot()->busy_ns, 7000);
    shop_open("");
    assert_int_equal(read(shop.heritage.news_fd, &rung, sizeof rung),
                     sizeof rung);
    assert_int_equal(atomic_load(&slot()->busy_then_ns), 7000);
    int fd = shop_connect();
    shop_ask(fd, "/one");
    assert_non_null(strstr(shop_answer(fd), "\"one\":1"));
    shop_await(has_counted_one, "counted");
    assert_true(atomic_load(&slot()->busy_ns) > 7000);
    assert_true(atomic_load(&slot()->beat_ms) > 0);
    assert_true(atomic_load(&slot()->pss_kb) > 0); /* from the beginning on */
    close(fd);
    assert_int_equal(shop_get("/one"), 200);
    shop_await(has_accepted_two, "accepted");
    tell(SIGTERM);
    assert_int_equal(shop_end(), EXIT_ASKED);
    assert_non_null(strstr(shop_read(shop.access), "GET /one HTTP/1.1"));
}

static void an_app_that_cannot_start(void **state)
{
    (void)state;
    shop_write("api/bad.sql", "-- GET /bad\n-- @auth public\n"
                              "SELECT nothing FROM nowhere;\n");
    shop_start("");
    assert_int_equal(shop_end(), EXIT_BOOT);
    assert_true(shop_logged("bad.sql:3"));
    assert_false(shop_is_ready());
}

static void a_log_that_cannot_be_opened(void **state)
{
    (void)state;
    snprintf(shop.access, sizeof shop.access, "%s/none/access", shop.dir);
    shop_start("");
    assert_int_equal(shop_end(), EXIT_BOOT);
    assert_true(shop_logged("accesslog: "));
    assert_false(shop_is_ready());
}

/* ---- going ---------------------------------------------------------------*/

static void half_a_request_is_answered(void **state)
{
    (void)state;
    shop_open("");
    int fd = shop_connect();
    shop_ask(fd, "/one"); /* so that the worker knows of the connection */
    assert_int_equal(shop_status(fd), 200);
    shop_say(fd, "GET /one HTTP/1.1\r\nHo");
    tell(SIGTERM);
    shop_say(fd, "st: x\r\n\r\n");
    const char *answer = shop_answer(fd);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    assert_int_equal(shop_end(), EXIT_ASKED);
    assert_int_equal(recv(fd, &(char){0}, 1, 0), 0);
    close(fd);
}

/* Nobody waits for a client that does not go on. */
static void patience_has_an_end(void **state)
{
    (void)state;
    shop_open("--graceful-timeout 1");
    int fd = shop_connect();
    shop_say(fd, "GET /one HTTP/1.1\r\nHo");
    tell(SIGTERM);
    assert_int_equal(shop_end(), EXIT_ASKED);
    close(fd);
}

static void quit_is_at_once(void **state)
{
    static const int signals[] = {SIGQUIT, SIGINT};

    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (i > 0) {
            shop_remove(NULL);
            shop_make(NULL);
        }
        shop_open("--graceful-timeout 3600");
        int fd = shop_connect();
        shop_ask(fd, "/one");
        assert_int_equal(shop_status(fd), 200);
        shop_say(fd, "GET /one HTTP/1.1\r\nHo");
        tell(signals[i]);
        assert_int_equal(shop_end(), EXIT_ASKED);
        assert_int_equal(shop_status(fd), 0);
        close(fd);
    }
}

static void the_masters_death(void **state)
{
    (void)state;
    shop_open("");
    close(shop.life[1]);
    shop.life[1] = -1;
    assert_int_equal(shop_end(), EXIT_ASKED);
    assert_true(shop_logged("Parent changed, shutting down"));
}

/* ---- asking to be replaced -----------------------------------------------*/

static bool wants_to_leave(void)
{
    return atomic_load(&slot()->leave) != LEAVE_NOT;
}

static void after_its_share(void **state)
{
    uint64_t rung;

    (void)state;
    shop_open("--max-requests 2");
    assert_int_equal(read(shop.heritage.news_fd, &rung, sizeof rung),
                     sizeof rung);
    assert_int_equal(shop_get("/one"), 200);
    assert_int_equal(atomic_load(&slot()->leave), LEAVE_NOT);
    assert_int_equal(shop_get("/one"), 200);
    shop_await(wants_to_leave, "wants to leave");
    assert_int_equal(atomic_load(&slot()->leave), LEAVE_REQUESTS);
    /* The master is told, once, and whoever comes is served meanwhile. */
    assert_int_equal(shop_get("/one"), 200);
    assert_int_equal(shop_get("/one"), 200);
    assert_int_equal(read(shop.heritage.news_fd, &rung, sizeof rung),
                     sizeof rung);
    assert_int_equal(rung, 1);
    tell(SIGTERM);
    assert_int_equal(shop_end(), EXIT_ASKED);
}

static void of_what_it_weighs(void **state)
{
    (void)state;
    shop_open("--max-worker-memory 1");
    shop_await(wants_to_leave, "wants to leave");
    assert_int_equal(atomic_load(&slot()->leave), LEAVE_MEMORY);
    tell(SIGTERM);
    assert_int_equal(shop_end(), EXIT_ASKED);
}

/* ---- orders --------------------------------------------------------------*/

/* began_ns of the request that is at its SQL, in any thread; 0: none. */
static uint64_t at_sql(void)
{
    struct record r;

    for (unsigned i = 0; i < 4; i++)
        if (recorder_read(shop.shared.recorder, recorder_place(SLOT, i),
                          RECORDS_RECENT, 0, &r) &&
            atomic_load(&r.phase) == PHASE_SQL)
            return r.began_ns;
    return 0;
}

static bool is_at_sql(void)
{
    return at_sql() != 0;
}

static bool is_obeyed(void)
{
    return atomic_load(&slot()->cancel_ns) == 0;
}

static void order_to_end(uint64_t began_ns)
{
    atomic_store(&slot()->cancel_ns, began_ns);
    bells_ring(shop.bells, SLOT);
}

/* With one thread from inside the statement, with several by another one. */
static void a_statement_is_ended(void **state)
{
    static const char *const flags[] = {"--threads 1", "--threads 3"};

    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (i > 0) {
            shop_remove(NULL);
            shop_make(NULL);
        }
        shop_open(flags[i]);
        int fd = shop_connect();
        shop_ask(fd, "/forever");
        shop_await(is_at_sql, "at its SQL");
        order_to_end(at_sql());
        const char *answer = shop_answer(fd);
        assert_memory_equal(answer, "HTTP/1.1 503", 12);
        assert_non_null(strstr(answer, "operator"));
        shop_await(is_obeyed, "obeyed");
        assert_true(shop_logged("as an operator wanted"));
        assert_int_equal(shop_get("/one"), 200);
        close(fd);
        tell(SIGTERM);
        assert_int_equal(shop_end(), EXIT_ASKED);
    }
}

/* Or no other order could be given. */
static void an_order_for_nobody_is_dropped(void **state)
{
    (void)state;
    shop_open("--threads 1");
    order_to_end(4711);
    shop_await(is_obeyed, "dropped");
    assert_false(shop_logged("as an operator wanted"));
    int fd = shop_connect();
    shop_ask(fd, "/forever");
    shop_await(is_at_sql, "at its SQL");
    order_to_end(4711);
    shop_await(is_obeyed, "dropped");
    assert_true(is_at_sql()); /* the other one goes on */
    order_to_end(at_sql());
    assert_int_equal(shop_status(fd), 503);
    close(fd);
    tell(SIGTERM);
    assert_int_equal(shop_end(), EXIT_ASKED);
}

/* In the middle of a statement it hears no signal; the slot says it, too. */
static void a_statement_outlives_no_grace(void **state)
{
    (void)state;
    shop_open("--threads 1 --graceful-timeout 1");
    int fd = shop_connect();
    shop_ask(fd, "/forever");
    shop_await(is_at_sql, "at its SQL");
    atomic_store(&slot()->leave, LEAVE_TOLD);
    tell(SIGTERM);
    const char *answer = shop_answer(fd);
    assert_memory_equal(answer, "HTTP/1.1 503", 12);
    assert_null(strstr(answer, "operator"));
    assert_int_equal(shop_end(), EXIT_ASKED);
    close(fd);
}

static void others_are_answered_meanwhile(void **state)
{
    (void)state;
    shop_open("--threads 3 --graceful-timeout 3600");
    int fd = shop_connect();
    shop_ask(fd, "/forever");
    shop_await(is_at_sql, "at its SQL");
    assert_int_equal(shop_get("/one"), 200);
    assert_true(is_at_sql());
    tell(SIGQUIT); /* thread 0 is in the statement: it has to be asked */
    assert_int_equal(shop_end(), EXIT_ASKED);
    assert_false(shop_logged("in the middle of a statement"));
    close(fd);
}

static bool access_log_is_new(void)
{
    tell(SIGUSR1); /* what is written comes once a second, or with this */
    return strstr(shop_read(shop.access), "GET /one") != NULL;
}

static void logs_are_opened_again(void **state)
{
    char away[128];

    (void)state;
    shop_open("");
    snprintf(away, sizeof away, "%s.1", shop.access);
    assert_int_equal(rename(shop.access, away), 0);
    tell(SIGUSR1);
    assert_int_equal(shop_get("/one"), 200);
    shop_await(access_log_is_new, "a new access log");
    tell(SIGTERM);
    assert_int_equal(shop_end(), EXIT_ASKED);
    assert_null(strstr(shop_read(away), "GET /one"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shop_make, shop_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_of_itself),
        TEST(an_app_that_cannot_start),
        TEST(a_log_that_cannot_be_opened),
        TEST(half_a_request_is_answered),
        TEST(patience_has_an_end),
        TEST(quit_is_at_once),
        TEST(the_masters_death),
        TEST(after_its_share),
        TEST(of_what_it_weighs),
        TEST(a_statement_is_ended),
        TEST(an_order_for_nobody_is_dropped),
        TEST(a_statement_outlives_no_grace),
        TEST(others_are_answered_meanwhile),
        TEST(logs_are_opened_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
