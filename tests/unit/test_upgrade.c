#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/segment/bells.h"
#include "common/buf.h"
#include "common/segment/cache.h"
#include "common/loop.h"
#include "common/segment/segment.h"
#include "master/handover.h"
#include "master/unixsocket.h"
#include "master/upgrade.h"

/* A master that hands something over, and what it has. */
static struct {
    int life[2];
    int socket, port;
    int bell;
    struct bells *bells;
    struct shared shared;
    char bind[64];
} former;

/* What else it may hand over. */
static bool with_word, with_control;
static int said[2];
static struct unixsocket control;
static char control_path[96];

static char folder[64];
static char pidfile[80];
static char *self[] = {NULL, NULL, NULL}; /* argv of ours, and "child" */
static struct fault fault;
static struct upgrade *u;

static struct settings settings(const char *const *bind, size_t count)
{
    return (struct settings){.bind = {(const char **)(uintptr_t)bind, count},
                             .backlog = 8,
                             .cache_size = CACHE_MIN,
                             .cache_entry_max = 1000};
}

static void listen_somewhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;

    former.socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(former.socket, (const struct sockaddr *)&a, sizeof a),
                     0);
    assert_int_equal(listen(former.socket, 8), 0);
    getsockname(former.socket, (struct sockaddr *)&a, &len);
    former.port = ntohs(a.sin_port);
    snprintf(former.bind, sizeof former.bind, "127.0.0.1:%d", former.port);
}

static int set_up(void **state)
{
    (void)state;
    fault.text[0] = '\0';
    with_word = with_control = false;
    assert_int_equal(pipe2(former.life, O_CLOEXEC), 0);
    assert_int_equal(pipe2(said, O_CLOEXEC | O_NONBLOCK), 0);
    snprintf(control_path, sizeof control_path, "%s/a.ctl", folder);
    assert_true(unixsocket_make(&control, control_path, 0600, 4));
    listen_somewhere();
    former.bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    former.bells = bells_new();
    assert_true(shared_open(&former.shared, CACHE_MIN, 1000, &fault));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    upgrade_free(u);
    u = NULL;
    listeners_leave_files(false);
    unsetenv(HANDOVER_PID);
    unsetenv(HANDOVER_FD);
    for (int i = 0; i < 2; i++)
        if (former.life[i] >= 0)
            close(former.life[i]);
    close(former.socket);
    close(former.bell);
    close(said[0]);
    close(said[1]);
    unixsocket_remove(&control);
    bells_free(former.bells);
    shared_close(&former.shared);
    return 0;
}

static int copy(int fd)
{
    int got = dup(fd);

    assert_true(got >= 0);
    return got;
}

/* Leaves in the environment what an exec would: copies of everything. */
static void hand_over(bool with_segment)
{
    const int *fds;
    int bells[1024];
    struct handover h;
    struct handed_socket s = {copy(former.socket), former.bind};
    struct buf text = {0};

    handover_none(&h);
    h.life = copy(former.life[0]);
    if (with_word)
        h.word = copy(said[1]);
    if (with_control)
        h.control = (struct handed_socket){copy(control.fd), control_path};
    if (with_segment) {
        h.segment = copy(segment_fd(former.shared.segment));
        h.bell = copy(former.bell);
        h.bell_count = bells_fds(former.bells, &fds);
        h.bells = bells;
        for (size_t i = 0; i < h.bell_count; i++)
            bells[i] = copy(fds[i]);
    }
    h.sockets = &s;
    h.socket_count = 1;
    handover_write(&h, &text);
    setenv(HANDOVER_PID, "4711", 1);
    setenv(HANDOVER_FD, buf_text(&text), 1);
    buf_free(&text);
}

static void begin(void)
{
    u = upgrade_new(self, &fault);
    if (u == NULL)
        fail_msg("%s", fault.text);
}

static bool exists(const char *suffix)
{
    char path[96];

    snprintf(path, sizeof path, "%s%s", pidfile, suffix);
    return access(path, F_OK) == 0;
}

static void afresh_it_follows_nobody(void **state)
{
    struct bells *bells;
    int bell;

    (void)state;
    begin();
    assert_false(upgrade_follows(u) || upgrade_is_second(u));
    assert_string_equal(upgrade_name(u), "Master");
    assert_string_equal(upgrade_title(u), "master");
    assert_int_equal(upgrade_successor(u) + upgrade_former(u), 0);
    assert_false(upgrade_bells(u, &bells, &bell));
    assert_true(upgrade_pidfile(u, pidfile, &fault));
    assert_true(exists("") && !exists(".2"));
    unlink(pidfile);
    assert_string_equal(upgrade_name(NULL), "Master");
    assert_string_equal(upgrade_title(NULL), "master");
    assert_false(upgrade_is_second(NULL));
}

static void the_environment_forgets(void **state)
{
    static const char *const names[] = {
        HANDOVER_PID,     HANDOVER_FD,     "LISTEN_PID",    "LISTEN_FDS",
        "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
    char own[32];

    (void)state;
    hand_over(false);
    snprintf(own, sizeof own, "%d", (int)getpid());
    setenv("LISTEN_PID", own, 1);
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", "admin", 1);
    setenv("NOTIFY_SOCKET", "@nobody", 1);
    setenv("WATCHDOG_USEC", "1000", 1);
    setenv("WATCHDOG_PID", own, 1);
    begin();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_null(getenv(names[i]));
    assert_int_equal(upgrade_activation(u)->count, 1);
    assert_true(upgrade_activation(u)->admin[0]);
    assert_true(notify_wanted(upgrade_notify(u)));
}

/* Only a master that was handed the rest is handed sockets without a name to
 * them. */
static void systemds_sockets_are_somebodys(void **state)
{
    (void)state;
    setenv("LISTEN_FDS", "1", 1);
    begin();
    assert_int_equal(upgrade_activation(u)->count, 0);
    upgrade_free(u);
    setenv("LISTEN_FDS", "1", 1);
    hand_over(false);
    begin();
    assert_int_equal(upgrade_activation(u)->count, 1);
}

static int promotions;

static void on_promotion(void *ignored)
{
    (void)ignored;
    promotions++;
}

static void the_second_is_promoted(void **state)
{
    struct loop *loop = loop_new();

    (void)state;
    hand_over(false);
    begin();
    assert_true(upgrade_follows(u) && upgrade_is_second(u));
    assert_int_equal(upgrade_former(u), 4711);
    assert_string_equal(upgrade_name(u), "Master.2");
    assert_string_equal(upgrade_title(u), "master.2");
    assert_true(upgrade_pidfile(u, pidfile, &fault));
    assert_true(exists(".2") && !exists(""));
    promotions = 0;
    assert_true(upgrade_watch(u, loop, on_promotion, NULL));
    loop_turn(loop, 0);
    assert_int_equal(promotions, 0);
    close(former.life[1]);
    former.life[1] = -1;
    loop_turn(loop, 1000);
    assert_int_equal(promotions, 1);
    assert_true(upgrade_follows(u) && !upgrade_is_second(u));
    assert_string_equal(upgrade_name(u), "Master");
    assert_true(exists("") && !exists(".2"));
    loop_turn(loop, 0);
    assert_int_equal(promotions, 1);
    unlink(pidfile);
    loop_free(loop);
}

static void a_former_one_may_be_gone_already(void **state)
{
    (void)state;
    hand_over(false);
    close(former.life[1]);
    former.life[1] = -1;
    begin();
    assert_true(upgrade_follows(u));
    assert_false(upgrade_is_second(u));
    assert_true(upgrade_pidfile(u, pidfile, &fault));
    assert_true(exists("") && !exists(".2"));
    unlink(pidfile);
}

static void nonsense_is_refused(void **state)
{
    char closed[64];
    char no_pipe[64];
    snprintf(closed, sizeof closed, "life %d", 900);
    snprintf(no_pipe, sizeof no_pipe, "life %d", former.socket);
    const struct {
        const char *pid, *fds, *reason;
    } cases[] = {
        {"1", NULL, "belong together"}, {NULL, "life 4", "belong together"},
        {"x", "life 4", "no process"},  {"1", "", "not given"},
        {"1", closed, "Bad file"},      {"1", no_pipe, "is no pipe"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsetenv(HANDOVER_PID);
        unsetenv(HANDOVER_FD);
        if (cases[i].pid)
            setenv(HANDOVER_PID, cases[i].pid, 1);
        if (cases[i].fds)
            setenv(HANDOVER_FD, cases[i].fds, 1);
        assert_null(upgrade_new(self, &fault));
        if (strstr(fault.text, cases[i].reason) == NULL)
            fail_msg("case %zu: %s", i, fault.text);
        assert_null(getenv(HANDOVER_FD));
    }
    unsetenv("LISTEN_FDS");
    setenv("LISTEN_PID", "", 1);
}

/* ---- what was handed over ------------------------------------------------ */

static bool answers(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool up = connect(fd, (const struct sockaddr *)&a, sizeof a) == 0;

    close(fd);
    return up;
}

static void sockets_are_shared_by_what_was_asked(void **state)
{
    const char *bind[] = {"127.0.0.1:0", former.bind};
    const struct settings s = settings(bind, 2);
    char names[200];

    (void)state;
    hand_over(false);
    begin();
    struct listeners *l = upgrade_listeners(u, &s, &fault);
    assert_string_equal(fault.text, "");
    snprintf(names, sizeof names, ",http://%s", former.bind);
    assert_non_null(strstr(listeners_names(l), names));
    listeners_close(l);
    assert_true(answers(former.port)); /* the former one's is its own */
}

static void a_socket_nobody_wants_is_closed(void **state)
{
    const char *bind[] = {"127.0.0.1:0"};
    const struct settings s = settings(bind, 1);

    (void)state;
    hand_over(false);
    begin();
    struct listeners *l = upgrade_listeners(u, &s, &fault);
    assert_non_null(l);
    close(former.socket);
    assert_false(answers(former.port));
    former.socket = copy(former.bell); /* for tear_down */
    listeners_close(l);
}

static void the_segment_goes_on(void **state)
{
    struct shared shared = {0};
    struct bells *bells;
    int bell;
    const char *bind[] = {former.bind};
    const struct settings s = settings(bind, 1);
    uint64_t seen = 0;

    (void)state;
    atomic_store(&former.shared.slots[7].births, 5);
    hand_over(true);
    begin();
    assert_true(upgrade_shared(u, &shared, &s, &fault));
    assert_int_equal(shared.slots[7].births, 5);
    assert_true(upgrade_bells(u, &bells, &bell));
    bells_ring(bells, 3);
    assert_int_equal(read(bells_fd(former.bells, 3), &seen, sizeof seen),
                     sizeof seen);
    assert_int_equal(fcntl(bells_fd(bells, 3), F_GETFD), FD_CLOEXEC);
    assert_false(upgrade_bells(u, &bells, &bell)); /* once */
    bells_free(bells);
    close(bell);
    shared_close(&shared);
}

/* With a segment of its own: no database is made in the place of one that is
 * missing (generation 1 would), and its bells are its own. */
static void what_does_not_fit_starts_cold(void **state)
{
    struct shared shared = {0};
    struct bells *bells;
    int bell;
    const char *bind[] = {former.bind};
    struct settings s = settings(bind, 1);

    (void)state;
    for (int i = 0; i < 3; i++) {
        atomic_store(&former.shared.slots[7].births, 5);
        s.cache_size = i == 0 ? 2 * CACHE_MIN : i == 1 ? 0 : CACHE_MIN;
        hand_over(i < 2);
        begin();
        assert_true(upgrade_shared(u, &shared, &s, &fault));
        assert_int_equal(shared.slots[7].births, 0);
        assert_int_equal(shared.slots[SLOT_MASTER].generation, 1);
        assert_false(upgrade_bells(u, &bells, &bell));
        shared_close(&shared);
        upgrade_free(u);
        u = NULL;
    }
}

/* ---- having one ---------------------------------------------------------- */

/* The successor is this program again: its exit code says what is wrong. */
static int child(void)
{
    struct fault why;
    struct handover h;
    sigset_t blocked;
    struct sigaction pipe;
    struct arena *arena = arena_new();
    const char *pid = getenv(HANDOVER_PID);
    const char *fds = getenv(HANDOVER_FD);
    int *list;
    int open = 0;
    static const char words[] = "control\nfailed the disk is gone\n";

    if (!pid || !fds || !handover_parse(pid, fds, arena, &h, &why))
        return 10;
    if (h.from != getppid() || h.socket_count != 1)
        return 11;
    size_t count = handover_fds(&h, arena, &list);
    for (size_t i = 0; i < count; i++)
        if (fcntl(list[i], F_GETFD) != 0)
            return 12;
    for (int fd = 3; fd < 1024; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    if (open != (int)count)
        return 13;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    sigaction(SIGPIPE, NULL, &pipe);
    if (sigismember(&blocked, SIGTERM) || pipe.sa_handler != SIG_DFL)
        return 14;
    if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") ||
        getenv("WATCHDOG_PID") || strcmp(getenv("WATCHDOG_USEC"), "1000") != 0)
        return 15;
    if (access(".here", F_OK) != 0)
        return 16;
    if (h.word >= 0 &&
        write(h.word, words, sizeof words - 1) != sizeof words - 1)
        return 17;
    if ((h.control.fd >= 0) != (h.word >= 0)) /* the test gives both */
        return 18;
    arena_free(arena);
    return 77;
}

static void end_of(pid_t pid, int code)
{
    int status;
    struct spawn_end end = {.pid = pid};

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
    upgrade_ended(u, &end);
}

static void the_program_is_run_again(void **state)
{
    const char *bind[] = {former.bind};
    const struct settings s = settings(bind, 1);
    sigset_t term;
    struct upgrade_gift gift = {.shared = &former.shared,
                                .bells = former.bells,
                                .bell_fd = former.bell,
                                .life_fd = former.life[0],
                                .control_fd = control.fd,
                                .control_path = control_path};

    (void)state;
    setenv("LISTEN_FDS", "1", 1); /* another's */
    setenv("WATCHDOG_USEC", "1000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(chdir(folder), 0);
    close(open(".here", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    begin();
    assert_int_equal(chdir("/"), 0); /* as --chdir does */
    gift.loop = loop_new();
    assert_false(upgrade_start(u, &gift, &fault));
    assert_string_equal(fault.text,
                        "USR2 signal ignored. The server is stopping.");
    assert_int_equal(upgrade_successor(u), 0);
    close(former.socket);
    struct listeners *l = upgrade_listeners(u, &s, &fault);
    assert_non_null(l);
    gift.listeners = l;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    signal(SIGPIPE, SIG_IGN);
    assert_true(upgrade_start(u, &gift, &fault));
    pid_t pid = upgrade_successor(u);
    assert_true(pid > 0);
    assert_string_equal(upgrade_failure(u), "");
    assert_false(upgrade_start(u, &gift, &fault));
    assert_string_equal(fault.text, "USR2 signal ignored. Child exists.");
    assert_int_equal(upgrade_successor(u), pid);
    while (!upgrade_successor_listens(u))
        loop_turn(gift.loop, 1000);
    assert_false(upgrade_successor_ready(u));
    struct spawn_end stranger = {.pid = 1};
    upgrade_ended(u, &stranger);
    assert_int_equal(upgrade_successor(u), pid);
    end_of(pid, 77);
    assert_int_equal(upgrade_successor(u), 0);
    assert_null(getenv(HANDOVER_FD));
    assert_false(upgrade_successor_listens(u));
    assert_non_null(strstr(upgrade_failure(u), ": the disk is gone"));
    listeners_close(l);
    loop_free(gift.loop);
    former.socket = copy(former.bell);
}

/* ---- what one says to the other ------------------------------------------ */

static void hears(const char *wanted)
{
    char text[2048];
    ssize_t n = read(said[0], text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    assert_string_equal(text, wanted);
}

static void it_says_how_it_fares(void **state)
{
    struct unixsocket taken;
    const char *path;
    char long_why[3000];
    char wanted[600];

    (void)state;
    with_word = with_control = true;
    hand_over(false);
    begin();
    hears("");
    assert_true(upgrade_control(u, &taken, &path));
    assert_string_equal(path, control_path);
    assert_true(unixsocket_stands(&taken));
    hears("control\n");
    assert_false(upgrade_control(u, &taken, &path)); /* once */
    upgrade_say_ready(u);
    upgrade_say_failed(u, "too late");
    hears("ready\n");
    unixsocket_leave(&taken);
    upgrade_free(u);
    hand_over(false);
    begin();
    memset(long_why, 'x', sizeof long_why);
    long_why[3] = '\n'; /* it stays one line */
    long_why[sizeof long_why - 1] = '\0';
    upgrade_say_failed(u, long_why);
    snprintf(wanted, sizeof wanted, "failed xxx %.500s\n", long_why + 4);
    hears(wanted);
}

static void nobody_may_be_there_to_hear(void **state)
{
    struct unixsocket taken;
    const char *path;

    (void)state;
    hand_over(false);
    begin();
    assert_false(upgrade_control(u, &taken, &path));
    upgrade_say_ready(u);
    upgrade_say_failed(NULL, "nothing");
    assert_false(upgrade_successor_ready(NULL));
}

#define scene(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        scene(afresh_it_follows_nobody),
        scene(the_environment_forgets),
        scene(systemds_sockets_are_somebodys),
        scene(the_second_is_promoted),
        scene(a_former_one_may_be_gone_already),
        scene(nonsense_is_refused),
        scene(sockets_are_shared_by_what_was_asked),
        scene(a_socket_nobody_wants_is_closed),
        scene(the_segment_goes_on),
        scene(what_does_not_fit_starts_cold),
        scene(the_program_is_run_again),
        scene(it_says_how_it_fares),
        scene(nobody_may_be_there_to_hear),
    };
    static char word[] = "child";
    char here[64];

    if (argc > 1)
        return child();
    closefrom(3); /* what a runner left open would pass for ours */
    self[0] = argv[0];
    self[1] = word;
    snprintf(folder, sizeof folder, "/tmp/prong-upgrade-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(pidfile, sizeof pidfile, "%s/pid", folder);
    snprintf(here, sizeof here, "%.40s/.here", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(here);
    rmdir(folder);
    return failed;
}
