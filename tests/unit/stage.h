/*
 * stage: where a real supervisor plays before a test. The master is forked,
 * its workers run actor() below, and everybody writes what happens into one
 * shared protocol, so that tests wait for events and never for time.
 *
 * The word in settings->app tells the actors what to play:
 *   good       serves until TERM
 *   lazy       good, but ready only after 200 ms
 *   slow       good, but takes 300 ms to drain
 *   stubborn   ignores TERM
 *   mute       ready, then neither beats nor dies of ABRT
 *   exit3 exit4 crash   dies before it is ready
 *   exit3 why  the same, and says why in the log
 *   second     the first slot is good, the others exit3
 *   exit7      good, but leaves with code 7 at USR1
 *   tired      good, but asks to be replaced at USR1; ready after 200 ms
 *   nosy       good, but first lists the descriptors it was given
 *   fatal      ready, then dies of SIGSEGV at a request, while its endpoint
 *              is not in quarantine; good once it is
 *   stuck      the same, but dies of nothing: it is silent
 *
 * The keeper is another actor, with a play of its own in stage->keeper.
 */
#ifndef PRONG_TEST_STAGE_H
#define PRONG_TEST_STAGE_H

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/loop.h"
#include "common/segment/names.h"
#include "common/segment/recorder.h"
#include "common/settings/settings.h"
#include "common/segment/shared.h"
#include "common/segment/shm.h"
#include "master/listener.h"
#include "master/supervisor.h"

enum { EVENTS_MAX = 1024, PATIENCE_MS = 10000, ANY = -1, KEEPER = -2 };
enum { BELLS = 65 }; /* descriptors that bells.h has */

enum kind {
    BORN = 1,
    READY,
    LEFT,     /* told by TERM to go */
    HURRIED,  /* told by QUIT or INT */
    ABORTED,  /* got ABRT */
    REOPENED, /* got USR1 */
    ORPHANED, /* the life pipe ended */
    RELEASED, /* a generation was given back; by the master */
};

struct event {
    _Atomic int kind; /* written last */
    int generation;
    pid_t pid;
    unsigned slot;
    uint64_t ms;
};

/* Shared by the test, the master and its workers. */
struct stage {
    _Atomic unsigned count;
    struct event events[EVENTS_MAX];
    _Atomic int serving; /* ready and not told to go */
    _Atomic int least;   /* fewest that served since it was last set */
    _Atomic uint64_t fingerprint;
    _Atomic int descriptors; /* that a nosy worker found above the first 3 */
    char log[64];            /* path of the error log */

    /* What the next generation is made of; "unreadable": it is not. */
    char play[16];
    char keeper[16];  /* "": there is none */
    char bind[80];    /* "": no sockets at all */
    char admin[80];   /* "": none for operators */
    char control[80]; /* path of the control socket; "": none */
    int64_t workers, workers_max, timeout, graceful_timeout;
    bool reload;
    bool terminal; /* the master's standard input is one */
    _Atomic int generations;
    pid_t master;
};

static struct stage *stage;  /* the one of the present test */
static struct shared shared; /* its segment */

/* ---- the actors -----------------------------------------------------------
 */

static void note(enum kind kind, int generation, unsigned slot)
{
    unsigned i = atomic_fetch_add(&stage->count, 1);

    if (i >= EVENTS_MAX)
        abort();
    stage->events[i].generation = generation;
    stage->events[i].pid = getpid();
    stage->events[i].slot = slot;
    stage->events[i].ms = loop_clock_ms();
    atomic_store(&stage->events[i].kind, kind);
}

static void act(enum kind kind, const struct heritage *h)
{
    note(kind, atoi(h->settings->proc_name), h->number);
}

static bool is_keeper(const struct heritage *h)
{
    return h->number == SLOT_KEEPER;
}

static void step_up(const struct heritage *h)
{
    if (!is_keeper(h))
        atomic_fetch_add(&stage->serving, 1);
}

static void step_down(const struct heritage *h)
{
    if (is_keeper(h))
        return;
    int serving = atomic_fetch_sub(&stage->serving, 1) - 1;

    if (serving < atomic_load(&stage->least))
        atomic_store(&stage->least, serving);
}

static bool is_orphan(const struct heritage *h)
{
    struct pollfd life = {.fd = h->life_fd, .events = POLLIN};

    return poll(&life, 1, 0) > 0;
}

static const struct heritage *the_mute;

static void on_abort(int signal)
{
    (void)signal;
    act(ABORTED, the_mute);
}

static int play_mute(const struct heritage *h)
{
    the_mute = h;
    signal(SIGABRT, on_abort);
    while (!is_orphan(h))
        usleep(20000);
    return 0;
}

/* Returns whether the scene goes on after that signal; 0 is none. */
static bool hear(int signal, const char *play, const struct heritage *h)
{
    if (signal == SIGUSR1 && strcmp(play, "tired") == 0)
        heritage_ask_to_leave(h, LEAVE_MEMORY);
    if (signal == SIGUSR1)
        act(REOPENED, h);
    if (signal == SIGTERM && strcmp(play, "stubborn") != 0) {
        step_down(h);
        act(LEFT, h);
        if (strcmp(play, "slow") == 0)
            usleep(300000);
        return false;
    }
    if (signal == SIGQUIT || signal == SIGINT) {
        act(HURRIED, h);
        return false;
    }
    return true;
}

static int play_server(const struct heritage *h, const char *play)
{
    const struct timespec moment = {.tv_nsec = 20000000};
    sigset_t set;

    sigprocmask(SIG_SETMASK, NULL, &set); /* those that we inherit blocked */
    for (;;) {
        atomic_store(&h->slot->beat_ms, loop_clock_ms());
        int signal = sigtimedwait(&set, NULL, &moment);
        if (!hear(signal, play, h))
            return 0;
        if (signal == SIGUSR1 && strcmp(play, "exit7") == 0)
            return 7;
        if (is_orphan(h)) {
            act(ORPHANED, h);
            return 0;
        }
    }
}

static unsigned route_of(const struct shared *s)
{
    return names_number(s->names, slice_of("GET /api/x/{id}"));
}

/* A request that gets stuck in its second statement. */
static void begin_request(const struct heritage *h)
{
    struct record *r = recorder_open(h->shared->recorder, h->number);

    record_write(r);
    r->pid = getpid();
    r->began_ns = loop_clock_ns();
    r->route_number = route_of(h->shared);
    record_text(r->method, sizeof r->method, slice_of("GET"));
    record_text(r->path, sizeof r->path, slice_of("/api/x/7"));
    record_text(r->route, sizeof r->route, slice_of("/api/x/{id}"));
    record_text(r->id, sizeof r->id, slice_of("id7"));
    record_written(r);
    atomic_store(&r->statement, 2);
    atomic_store(&r->phase, PHASE_SQL);
}

static int play_victim(const struct heritage *h, const char *play)
{
    if (recorder_quarantined(h->shared->recorder, route_of(h->shared)))
        return play_server(h, play);
    begin_request(h);
    if (strcmp(play, "fatal") == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    while (!is_orphan(h))
        usleep(20000);
    return 0;
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            count++;
    return count;
}

static int actor(const struct heritage *h)
{
    const char *play = is_keeper(h) ? stage->keeper : h->settings->app;
    uint64_t one = 1;

    act(BORN, h);
    if (strcmp(play, "exit3 why") == 0)
        log_error("api/x.sql:7: no such column: %s", "y");
    if (strncmp(play, "exit3", 5) == 0 ||
        (strcmp(play, "second") == 0 && h->number > 0))
        return EXIT_BOOT;
    if (strcmp(play, "exit4") == 0)
        return EXIT_NO_APP;
    if (strcmp(play, "crash") == 0) {
        signal(SIGSEGV, SIG_DFL); /* sanitizers have a handler of their own */
        raise(SIGSEGV);
    }
    if (strcmp(play, "lazy") == 0 || strcmp(play, "tired") == 0)
        usleep(200000);
    if (strcmp(play, "nosy") == 0)
        atomic_store(&stage->descriptors, count_descriptors());
    step_up(h);
    act(READY, h);
    atomic_store(&h->slot->ready, 1);
    if (write(h->news_fd, &one, sizeof one) < 0)
        return 1;
    if (strcmp(play, "mute") == 0)
        return play_mute(h);
    if (strcmp(play, "fatal") == 0 || strcmp(play, "stuck") == 0)
        return play_victim(h, play);
    return play_server(h, play);
}

/* ---- the master -----------------------------------------------------------
 */

static struct settings *make_settings(void)
{
    struct arena *arena = arena_new();
    struct settings *s = arena_alloc(arena, sizeof *s);

    s->arena = arena;
    s->app = arena_text(arena, slice_of(stage->play));
    s->proc_name =
        arena_format(arena, "%d", atomic_fetch_add(&stage->generations, 1) + 1);
    s->errorlog = stage->log;
    s->loglevel = "debug";
    s->workers = stage->workers;
    s->workers_max = stage->workers_max;
    s->timeout = stage->timeout;
    s->graceful_timeout = stage->graceful_timeout;
    s->reload = stage->reload;
    s->backlog = 16;
    s->bind.at = arena_alloc(arena, sizeof *s->bind.at);
    s->bind.at[0] = arena_text(arena, slice_of(stage->bind));
    s->bind.count = 1;
    s->admin_bind.at = arena_alloc(arena, sizeof *s->admin_bind.at);
    s->admin_bind.at[0] = arena_text(arena, slice_of(stage->admin));
    s->admin_bind.count = stage->admin[0] ? 1 : 0;
    s->control_socket = stage->control[0] ? stage->control : NULL;
    s->control_socket_mode = 0600;
    return s;
}

static bool reload(void *self, struct generation *out, struct fault *fault)
{
    (void)self;
    if (strcmp(stage->play, "unreadable") == 0)
        return fault_set(fault, "api/x.sql:3: no such directive");
    *out = (struct generation){.settings = make_settings()};
    return true;
}

static void release(void *self, struct generation *g)
{
    (void)self;
    note(RELEASED, atoi(g->settings->proc_name), 0);
    arena_free(g->settings->arena);
}

static uint64_t fingerprint(void *self, const struct generation *g)
{
    (void)self;
    (void)g;
    return atomic_load(&stage->fingerprint);
}

static void take_terminal(void)
{
    int pty = posix_openpt(O_RDWR | O_NOCTTY);

    if (pty < 0 || grantpt(pty) != 0 || unlockpt(pty) != 0)
        abort();
    dup2(open(ptsname(pty), O_RDWR | O_NOCTTY), STDIN_FILENO);
}

static void play_master(void)
{
    struct supervisor_config config = {
        .first = {.settings = make_settings()},
        .shared = &shared,
        .body = actor,
        .keeper = stage->keeper[0] ? actor : NULL,
        .reload = reload,
        .release = release,
        .fingerprint = fingerprint,
    };
    struct fault fault;

    signal(SIGSEGV, SIG_DFL); /* cmocka's handler would jump into the test */
    if (stage->terminal)
        take_terminal();
    else
        dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    if (stage->bind[0])
        config.listeners = listeners_open(config.first.settings, &fault);
    _exit(supervisor_run(&config));
}

/* ---- what a test does -----------------------------------------------------
 */

static void curtain_up(const char *play, int workers)
{
    snprintf(stage->play, sizeof stage->play, "%s", play);
    stage->workers = workers;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        play_master();
    stage->master = pid;
}

static void cue(int signal)
{
    assert_true(stage->master > 0); /* 0 and -1 mean many */
    assert_int_equal(kill(stage->master, signal), 0);
}

/* Of a worker of that generation (or ANY); KEEPER: of the keeper. */
static bool is_such(const struct event *e, enum kind kind, int generation)
{
    if (atomic_load(&e->kind) != (int)kind)
        return false;
    if (e->slot == SLOT_KEEPER || generation == KEEPER)
        return e->slot == SLOT_KEEPER && generation == KEEPER;
    return generation == ANY || e->generation == generation;
}

static int count_of(enum kind kind, int generation)
{
    unsigned count = atomic_load(&stage->count);
    int found = 0;

    for (unsigned i = 0; i < count; i++)
        if (is_such(&stage->events[i], kind, generation))
            found++;
    return found;
}

/* The nth such event, from 0; it must be there. */
static const struct event *nth(enum kind kind, int generation, int n)
{
    static const struct event none;
    unsigned count = atomic_load(&stage->count);

    for (unsigned i = 0; i < count; i++)
        if (is_such(&stage->events[i], kind, generation) && n-- == 0)
            return &stage->events[i];
    fail_msg("there is no such event %d", kind);
    return &none;
}

static int times_logged(const char *text)
{
    static char content[1 << 20];
    FILE *file = fopen(stage->log, "r");
    int times = 0;

    if (file == NULL)
        return 0;
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    for (char *at = content; (at = strstr(at, text)); at++)
        times++;
    return times;
}

static bool logged(const char *text)
{
    return times_logged(text) > 0;
}

static void show_log(void)
{
    char line[512];
    FILE *file = fopen(stage->log, "r");

    while (file && fgets(line, sizeof line, file))
        fputs(line, stderr);
    if (file)
        fclose(file);
}

static void wait_for(enum kind kind, int generation, int count)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    while (count_of(kind, generation) < count) {
        if (loop_clock_ms() > end) {
            show_log();
            fail_msg("event %d: %d of %d", kind, count_of(kind, generation),
                     count);
        }
        usleep(2000);
    }
}

static void wait_for_log(const char *text, int times)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;

    while (times_logged(text) < times) {
        if (loop_clock_ms() > end) {
            show_log();
            fail_msg("not logged %d times: %s", times, text);
        }
        usleep(5000);
    }
}

/* Waits for the master's end and expects that exit code. */
static void curtain(int code)
{
    uint64_t end = loop_clock_ms() + PATIENCE_MS;
    int status = -1;

    while (waitpid(stage->master, &status, WNOHANG) == 0) {
        if (loop_clock_ms() > end) {
            show_log();
            fail_msg("the master does not end");
        }
        usleep(2000);
    }
    stage->master = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static int set_stage(void **state)
{
    (void)state;
    struct fault fault;

    stage = shm_map(sizeof *stage);
    if (stage == NULL || !shared_open(&shared, 0, 1, &fault))
        return -1;
    stage->timeout = 30;
    stage->graceful_timeout = 30;
    stage->fingerprint = 1;
    snprintf(stage->log, sizeof stage->log, "/tmp/prong-stage-XXXXXX");
    int fd = mkstemp(stage->log);
    return fd < 0 ? -1 : close(fd);
}

/* Actors leave by themselves once the master is gone. */
static int clear_stage(void **state)
{
    (void)state;
    if (stage->master > 0) {
        kill(stage->master, SIGKILL);
        waitpid(stage->master, NULL, 0);
    }
    unlink(stage->log);
    shared_close(&shared);
    shm_unmap(stage, sizeof *stage);
    return 0;
}

#define scene(f) cmocka_unit_test_setup_teardown(f, set_stage, clear_stage)

#endif
