#include "tests/unit/household.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/segment/names.h"
#include "common/vitals/statsd.h"
#include "master/keeper/keeper_statsd.h"

/* The statsd: a UDP socket, and the sums of what came. */
static struct {
    int fd;
    char place[32];
    char all[64 * 1024];
    size_t len;
} receiver;

static uint16_t listen_at(uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof in;

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    receiver.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(receiver.fd, (struct sockaddr *)&in, len), 0);
    assert_int_equal(getsockname(receiver.fd, (struct sockaddr *)&in, &len), 0);
    return ntohs(in.sin_port);
}

static int set_up(void **state)
{
    if (house_make(state) != 0)
        return -1;
    receiver.len = 0;
    snprintf(receiver.place, sizeof receiver.place, "127.0.0.1:%u",
             listen_at(0));
    house.settings.statsd_host = receiver.place;
    atomic_store(&house.heritage.slot->births, 1);
    return log_open(house.log, LOG_INFO, false) ? 0 : -1;
}

static int tear_down(void **state)
{
    log_open("-", LOG_INFO, false);
    if (receiver.fd >= 0)
        close(receiver.fd);
    return house_remove(state);
}

static void receive(void)
{
    ssize_t n;

    while ((n = recv(receiver.fd, receiver.all + receiver.len,
                     sizeof receiver.all - receiver.len - 2, MSG_DONTWAIT)) >
           0) {
        assert_true(n <= STATSD_DATAGRAM);
        receiver.len += (size_t)n;
        receiver.all[receiver.len++] = '\n';
    }
    receiver.all[receiver.len] = '\0';
}

static bool has(const char *line)
{
    char whole[128];

    receive();
    snprintf(whole, sizeof whole, "%s\n", line);
    for (const char *at = receiver.all; (at = strstr(at, whole)); at++)
        if (at == receiver.all || at[-1] == '\n')
            return true;
    return false;
}

static void expect(const char *line)
{
    if (!has(line))
        fail_msg("no %s in %s", line, receiver.all);
}

static void forget(void)
{
    receive();
    receiver.len = 0;
    receiver.all[0] = '\0';
}

static void count(unsigned slot, enum counter which, unsigned n)
{
    unsigned route = names_number(house.shared.names, SLICE("/x"));
    struct metrics_cell *cell = metrics_cell(house.shared.metrics, slot, route);

    cell_add(cell, which, n);
    for (unsigned i = 0; i < n && which <= COUNT_5XX; i++)
        histogram_add(&cell->request, 2000000);
}

/* Requests that were answered with that status. */
static void answer(unsigned slot, int status, unsigned n)
{
    count(slot, COUNT_1XX + (enum counter)(status / 100 - 1), n);
    for (unsigned i = 0; i < n; i++)
        codes_add(metrics_codes(house.shared.metrics, slot), status);
}

static struct keeper_statsd *one(void)
{
    struct keeper_statsd *k = keeper_statsd_new(&house.heritage);

    assert_non_null(k);
    return k;
}

static void look(struct keeper_statsd *k)
{
    keeper_statsd_look(k, keeper_statsd_next(k));
}

/* ---- what is sent --------------------------------------------------------*/

static void counters_are_differences(void **state)
{
    struct keeper_statsd *k;

    (void)state;
    answer(0, 200, 5); /* before the first keeper */
    k = one();
    answer(1, 200, 2);
    answer(0, 404, 1);
    look(k);
    expect("prong.requests:8|c");
    expect("prong.request.status.200:7|c");
    expect("prong.request.status.404:1|c");
    assert_null(strstr(receiver.all, ":0|c"));
    forget();
    look(k);
    expect("prong.workers:0|g");
    assert_null(strstr(receiver.all, "|c"));
    forget();
    answer(1, 503, 3);
    answer(0, 200, 1);
    look(k);
    expect("prong.requests:4|c");
    expect("prong.request.status.503:3|c");
    expect("prong.request.status.200:1|c");
    assert_null(strstr(receiver.all, "status.404"));
    forget();
    answer(1, 100, 1);
    answer(1, 599, 2);
    keeper_statsd_free(k); /* the last seconds are not lost */
    expect("prong.requests:3|c");
    expect("prong.request.status.100:1|c");
    expect("prong.request.status.599:2|c");
}

static void times_and_cache(void **state)
{
    struct keeper_statsd *k = one();

    (void)state;
    count(0, COUNT_2XX, 1);
    count(0, COUNT_CACHE_HIT, 4);
    count(0, COUNT_CACHE_STALE, 1);
    count(0, COUNT_CACHE_MISS, 2);
    count(0, COUNT_CACHE_EXPIRED, 1);
    look(k);
    expect("prong.cache.hits:5|c");
    expect("prong.cache.misses:3|c");
    const char *at = strstr(receiver.all, "prong.request.duration:");
    assert_non_null(at);
    double ms = strtod(at + 23, NULL);
    assert_true(ms > 1.9 && ms < 2.1);
    keeper_statsd_free(k);
}

static void workers_and_log(void **state)
{
    struct keeper_statsd *k = one();
    struct slot *slots = house.shared.slots;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        atomic_store(&slots[i].pid, 1);
        atomic_store(&slots[i].ready, i != 2);
        atomic_store(&slots[i].connections, 10);
        atomic_store(&slots[i].backlog, 3 + i);
    }
    log_info("x");
    log_warning("x");
    log_error("x");
    log_error("x");
    log_critical("x");
    look(k);
    expect("prong.workers:2|g");
    expect("prong.connections:20|g");
    expect("prong.backlog:4|g");
    expect("prong.log.warning:1|c");
    expect("prong.log.error:2|c");
    expect("prong.log.critical:1|c");
    keeper_statsd_free(k);
}

static void named_and_tagged(void **state)
{
    (void)state;
    house.settings.statsd_prefix = "shop.";
    house.settings.dogstatsd_tags = "zone:a,tier:1";
    struct keeper_statsd *k = one();
    answer(0, 201, 1);
    look(k);
    expect("shop.prong.requests:1|c|#zone:a,tier:1");
    expect("shop.prong.request.status.201:1|c|#zone:a,tier:1");
    expect("shop.prong.workers:0|g|#zone:a,tier:1");
    keeper_statsd_free(k);
}

/* The one before has sent what was there. */
static void a_second_keeper(void **state)
{
    (void)state;
    answer(0, 200, 5);
    atomic_store(&house.heritage.slot->births, 2);
    struct keeper_statsd *k = one();
    answer(0, 200, 1);
    look(k);
    expect("prong.requests:1|c");
    expect("prong.request.status.200:1|c");
    keeper_statsd_free(k);
}

static void by_a_path(void **state)
{
    char place[96];
    struct sockaddr_un {
        sa_family_t family;
        char path[108];
    } un = {.family = AF_UNIX};

    (void)state;
    close(receiver.fd);
    snprintf(place, sizeof place, "unix://%s/statsd", house.dir);
    snprintf(un.path, sizeof un.path, "%s/statsd", house.dir);
    house.settings.statsd_host = place;
    struct keeper_statsd *k = one();
    look(k); /* nobody is there yet */
    receiver.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(receiver.fd, (struct sockaddr *)&un, sizeof un), 0);
    look(k);
    expect("prong.workers:0|g");
    keeper_statsd_free(k);
}

/* ---- when, and when not --------------------------------------------------*/

static void its_time(void **state)
{
    struct keeper_statsd *k = one();
    uint64_t first = keeper_statsd_next(k);

    (void)state;
    keeper_statsd_look(k, first - 1);
    assert_false(has("prong.workers:0|g"));
    keeper_statsd_look(k, first + 3);
    assert_true(has("prong.workers:0|g"));
    assert_int_equal(keeper_statsd_next(k), first + 1000);
    keeper_statsd_look(k, first + 1000000); /* a long pause */
    assert_int_equal(keeper_statsd_next(k), first + 1001000);
    keeper_statsd_free(k);
    assert_int_equal(keeper_statsd_next(NULL), UINT64_MAX);
    keeper_statsd_look(NULL, 1);
    keeper_statsd_free(NULL);
}

static void none_is_wanted(void **state)
{
    (void)state;
    house.settings.statsd_host = NULL;
    assert_null(keeper_statsd_new(&house.heritage));
    house.settings.statsd_host = "nobody..invalid:1";
    assert_null(keeper_statsd_new(&house.heritage));
}

static unsigned times_logged(const char *what)
{
    static char text[16 * 1024];
    FILE *f = fopen(house.log, "r");
    unsigned n = 0;

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void nobody_there(void **state)
{
    struct keeper_statsd *k = one();
    uint16_t port = (uint16_t)atoi(strchr(receiver.place, ':') + 1);

    (void)state;
    close(receiver.fd);
    for (int i = 0; i < 5; i++)
        look(k);
    assert_int_equal(times_logged("figures are lost"), 1);
    listen_at(port);
    look(k);
    look(k);
    assert_int_equal(times_logged(": back"), 1);
    expect("prong.workers:0|g");
    keeper_statsd_free(k);
}

/* ---- the keeper does it --------------------------------------------------*/

static bool has_gauge(void)
{
    return has("prong.workers:0|g");
}

static bool has_requests(void)
{
    return has("prong.requests:4|c");
}

static void by_the_keeper(void **state)
{
    (void)state;
    start();
    assert_true(wait_until(has_gauge));
    count(0, COUNT_2XX, 4);
    assert_true(wait_until(has_requests));
    count(0, COUNT_2XX, 6);
    kill(house.pid, SIGTERM);
    assert_int_equal(end(), EXIT_ASKED);
    expect("prong.requests:6|c");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counters_are_differences),
        TEST(times_and_cache),
        TEST(workers_and_log),
        TEST(named_and_tagged),
        TEST(a_second_keeper),
        TEST(by_a_path),
        TEST(its_time),
        TEST(none_is_wanted),
        TEST(nobody_there),
        TEST(by_the_keeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
