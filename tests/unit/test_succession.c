/* A supervisor that does not run: its state is set, and one turn is looked at.
 * systemd is a socket of the test. */
#include "tests/unit/crowd.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/bells.h"
#include "master/supervisor_private.h"
#include "master/upgrade_private.h"

enum { FORMER = 0x3fffff1, STRANGER = 0x3fffff2 }; /* above pid_max's most */

static char *self[] = {NULL, NULL};
static char folder[] = "/tmp/prong-test-XXXXXX";
static char log_path[64], sd_path[64];
static int sd; /* NOTIFY_SOCKET */

static struct shared shared;
static struct settings settings;
static struct era present;
static struct supervisor_config config;
static struct supervisor s;
static struct bells *bells;
static int life[2], news, bell;

static int nobody(const struct heritage *h)
{
    (void)h;
    return EXIT_ASKED;
}

static void listen_as_systemd(const char *watchdog_us)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    snprintf(at.sun_path, sizeof at.sun_path, "%s", sd_path);
    unlink(sd_path);
    sd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(sd, (const struct sockaddr *)&at, sizeof at), 0);
    setenv("NOTIFY_SOCKET", sd_path, 1);
    if (watchdog_us)
        setenv("WATCHDOG_USEC", watchdog_us, 1);
}

static void appoint(void)
{
    const struct crew_config crew = {.shared = &shared,
                                     .body = nobody,
                                     .news_fd = news,
                                     .life_fd = life[0],
                                     .bell_fd = bell,
                                     .bells = bells};
    struct fault fault;

    settings =
        (struct settings){.workers = 2, .timeout = 30, .graceful_timeout = 30};
    present = (struct era){
        .is.settings = &settings, .number = 1, .wanted = 2, .proven = true};
    config = (struct supervisor_config){.shared = &shared,
                                        .upgrade = upgrade_new(self, &fault)};
    assert_non_null(config.upgrade);
    s = (struct supervisor){.config = &config,
                            .crew = crew_new(&crew),
                            .slot = &shared.slots[SLOT_MASTER],
                            .bells = bells,
                            .bell = bell};
    s.generations = (struct reload){.config = &config,
                                    .crew = s.crew,
                                    .eras = &present,
                                    .present = &present};
}

static int make(void **state)
{
    struct fault fault;

    (void)state;
    if (!shared_open(&shared, 0, 1, &fault) || pipe2(life, O_CLOEXEC) != 0)
        return -1;
    news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bells = bells_new();
    listen_as_systemd("2");
    appoint();
    return log_open(log_path, LOG_INFO, false) ? 0 : -1;
}

static int unmake(void **state)
{
    (void)state;
    crew_free(s.crew);
    upgrade_free(config.upgrade);
    bells_free(bells);
    close(life[0]);
    close(life[1]);
    close(news);
    close(bell);
    close(sd);
    shared_close(&shared);
    log_open("-", LOG_INFO, false);
    return unlink(log_path);
}

/* All that systemd was told since, in one. */
static const char *told(void)
{
    static char text[4096];
    size_t len = 0;
    ssize_t n;

    while ((n = recv(sd, text + len, sizeof text - 1 - len, 0)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    return text;
}

static int times_logged(const char *what)
{
    static char text[8192];
    FILE *f = fopen(log_path, "r");
    int n = 0;

    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* A worker of that master, with a sign of life so long ago. */
static struct slot *man(unsigned number, pid_t master, uint64_t silent_ms)
{
    struct slot *slot = &shared.slots[number];

    atomic_store(&slot->master, master);
    atomic_store(&slot->pid, 1);
    atomic_store(&slot->ready, 1);
    atomic_store(&slot->beat_ms, loop_clock_ms() - silent_ms);
    return slot;
}

static void answered(unsigned number, uint64_t requests)
{
    atomic_store(&shared.slots[number].requests, requests);
}

static uint64_t counted(void)
{
    succession_look(&s);
    return s.succession.requests;
}

/* ---- what systemd is told ------------------------------------------------*/

/* A worker's count begins anew with it; the master's does not. */
static void requests_outlive_their_workers(void **state)
{
    (void)state;
    man(0, getpid(), 0);
    man(7, getpid(), 0);
    man(8, getppid(), 0); /* of another master */
    answered(0, 10);
    answered(7, 5);
    answered(8, 1000);
    assert_int_equal(counted(), 15);
    assert_int_equal(counted(), 15);
    answered(0, 12);
    answered(7, 3); /* the next one, in the same slot */
    assert_int_equal(counted(), 20);
    answered(0, 0); /* just born */
    assert_int_equal(counted(), 20);
    answered(0, 1);
    assert_int_equal(counted(), 21);
}

static bool watchdog_is_fed(void)
{
    told();
    while (loop_clock_ms() < notify_next(upgrade_notify(config.upgrade)))
        usleep(100); /* a millisecond, of 2 µs that are rounded up */
    succession_look(&s);
    return strstr(told(), "WATCHDOG=1") != NULL;
}

static void somebody_has_to_answer(void **state)
{
    (void)state;
    succession_look(&s); /* ready */
    assert_non_null(strstr(told(), "READY=1"));
    assert_false(watchdog_is_fed()); /* there is nobody */
    struct slot *slot = man(3, getpid(), 0);
    assert_true(watchdog_is_fed());
    atomic_store(&slot->ready, 0);
    assert_false(watchdog_is_fed());
    atomic_store(&slot->ready, 1);
    atomic_store(&slot->beat_ms, loop_clock_ms() - 60000);
    assert_false(watchdog_is_fed()); /* it is silent */
    atomic_store(&slot->beat_ms, loop_clock_ms());
    atomic_store(&slot->master, getppid());
    assert_false(watchdog_is_fed()); /* it vouches for another master */
    present.wanted = 0;
    assert_true(watchdog_is_fed()); /* nobody is to */
    present.wanted = 2;
    assert_false(watchdog_is_fed());
    s.stop = STOP_GRACEFUL;
    succession_look(&s);
    assert_non_null(strstr(told(), "STOPPING=1"));
}

static void a_second_says_nothing(void **state)
{
    (void)state;
    config.upgrade->follows = config.upgrade->second = true;
    man(0, getpid(), 0);
    succession_look(&s);
    assert_string_equal(told(), "");
    config.upgrade->second = false;
    succession_look(&s);
    assert_non_null(strstr(told(), "READY=1"));
}

/* ---- the master's place --------------------------------------------------*/

static void it_enters_when_its_place_is_free(void **state)
{
    struct slot *own = &shared.slots[SLOT_MASTER];

    (void)state;
    atomic_store(&own->master, getppid()); /* the former one lives */
    succession_look(&s);
    assert_int_equal(atomic_load(&own->master), getppid());
    atomic_store(&own->master, 0);
    succession_look(&s);
    assert_int_equal(atomic_load(&own->master), getpid());
    assert_int_equal(atomic_load(&own->pid), getpid());
    succession_close(&s);
    assert_int_equal(atomic_load(&own->master), 0);
    assert_int_equal(atomic_load(&own->pid), 0);
}

static void what_is_anothers_stays(void **state)
{
    struct slot *own = &shared.slots[SLOT_MASTER];

    (void)state;
    atomic_store(&own->master, getppid());
    atomic_store(&own->pid, getppid());
    succession_close(&s);
    assert_int_equal(atomic_load(&own->master), getppid());
    assert_int_equal(atomic_load(&own->pid), getppid());
}

/* Who died with its turn to write keeps others waiting: so it looks soon. */
static void orphans_are_looked_after_soon(void **state)
{
    (void)state;
    succession_look(&s);
    assert_in_range(succession_next_ms(&s), 1, loop_clock_ms() + 1000);
    assert_true(s.succession.look_ms > loop_clock_ms() + ORPHANS_LOOK_MS);
    pid_t master = fork();
    if (master == 0)
        _exit(0);
    assert_int_equal(waitpid(master, NULL, 0), master); /* gone for sure */
    struct slot *slot = man(4, master, 0);
    atomic_store(&slot->pid, getpid()); /* its worker is still there */
    s.succession.look_ms = 0;
    succession_look(&s);
    assert_in_range(s.succession.look_ms, 1, loop_clock_ms() + ORPHANS_LOOK_MS);
    atomic_store(&slot->pid, 0);
    atomic_store(&slot->master, 0);
}

/* ---- the next master -----------------------------------------------------*/

static void end(pid_t pid)
{
    const struct spawn_end e = {.pid = pid, .signal = SIGKILL, .code = -1};

    succession_ended(&s, &e);
}

/* WINCH had sent the workers away because another master served. */
static void workers_come_back_when_it_dies(void **state)
{
    (void)state;
    config.upgrade->successor = FORMER;
    present.wanted = 0;
    s.succession.look_ms = 77;
    end(STRANGER);
    assert_int_equal(present.wanted, 0);
    assert_int_equal(upgrade_successor(config.upgrade), FORMER);
    assert_int_equal(s.succession.look_ms, 0); /* it may have left orphans */
    end(FORMER);
    assert_int_equal(present.wanted, 2);
    assert_int_equal(upgrade_successor(config.upgrade), 0);
    assert_int_equal(times_logged("Nobody else serves"), 1);
}

static void unless_they_are_there_or_unwanted(void **state)
{
    (void)state;
    config.upgrade->successor = FORMER;
    present.wanted = 1;
    end(FORMER);
    assert_int_equal(present.wanted, 1);
    config.upgrade->successor = FORMER;
    present.wanted = 0;
    s.stop = STOP_GRACEFUL;
    end(FORMER);
    assert_int_equal(present.wanted, 0);
    assert_int_equal(times_logged("Nobody else serves"), 0);
}

static void systemd_hears_who_goes_on(void **state)
{
    char line[64];

    (void)state;
    config.upgrade->successor = FORMER;
    snprintf(line, sizeof line, "MAINPID=%d\n", FORMER);
    succession_close(&s);
    assert_string_equal(told(), line);
    config.upgrade->second = true; /* one that is itself not yet the first */
    succession_close(&s);
    assert_string_equal(told(), "");
}

static int make_all(void **state)
{
    static char path[256];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    (void)state;
    self[0] = path;
    if (n <= 0 || mkdtemp(folder) == NULL)
        return -1;
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    snprintf(sd_path, sizeof sd_path, "%s/sd", folder);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    unlink(sd_path);
    return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(requests_outlive_their_workers),
        TEST(somebody_has_to_answer),
        TEST(a_second_says_nothing),
        TEST(it_enters_when_its_place_is_free),
        TEST(what_is_anothers_stays),
        TEST(orphans_are_looked_after_soon),
        TEST(workers_come_back_when_it_dies),
        TEST(unless_they_are_there_or_unwanted),
        TEST(systemd_hears_who_goes_on),
    };

    return cmocka_run_group_tests(tests, make_all, remove_all);
}
