/*
 * workshop: a whole worker in a process of its own for each test, with all it
 * inherits: an app of few endpoints, settings read from flags, a segment,
 * bells, a listening socket; and clients over TCP. Tests wait for events and
 * never for time.
 */
#ifndef PRONG_TEST_WORKSHOP_H
#define PRONG_TEST_WORKSHOP_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/app/app.h"
#include "common/log.h"
#include "common/segment/bells.h"
#include "common/segment/recorder.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "worker/worker.h"

enum { PATIENCE_MS = 10000, FLAGS_MAX = 16, SLOT = 3 };

static const char shop_api[] =
    "-- GET /one\n-- @auth public\nSELECT 1 AS one;\n\n"
    "-- GET /forever\n-- @auth public\n-- @timeout 60s\n"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\n"
    "SELECT count(*) AS n FROM n;\n";

static struct workshop {
    char dir[64];
    char log[96], access[96];
    struct shared shared;
    struct settings *settings;
    struct app *app;
    struct bells *bells;
    int listener;
    struct sockaddr_in address;
    int life[2];
    struct heritage heritage;
    pid_t pid;
} shop;

static inline void shop_write(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", shop.dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

/* What that file holds; valid until the next. */
static inline const char *shop_read(const char *path)
{
    static char text[64 * 1024];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    return text;
}

static inline void shop_listen(void)
{
    socklen_t len = sizeof shop.address;

    shop.address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    shop.listener =
        socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(shop.listener, (struct sockaddr *)&shop.address, len),
                     0);
    assert_int_equal(listen(shop.listener, 16), 0);
    assert_int_equal(
        getsockname(shop.listener, (struct sockaddr *)&shop.address, &len), 0);
}

static inline int shop_make(void **state)
{
    struct fault fault;
    char api[96];

    (void)state;
    shop = (struct workshop){.dir = "/tmp/prong-test-XXXXXX"};
    if (mkdtemp(shop.dir) == NULL || pipe2(shop.life, O_CLOEXEC) != 0 ||
        !shared_open(&shop.shared, 0, 1, &fault))
        return -1;
    snprintf(api, sizeof api, "%s/api", shop.dir);
    snprintf(shop.log, sizeof shop.log, "%s/log", shop.dir);
    snprintf(shop.access, sizeof shop.access, "%s/access", shop.dir);
    if (mkdir(api, 0755) != 0)
        return -1;
    shop_write("app.conf", "name = shop\ndatabase = db\n");
    shop_write("api/shop.sql", shop_api);
    shop.bells = bells_new();
    shop_listen();
    return 0;
}

static inline int shop_remove_one(const char *path, const struct stat *st,
                                  int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static inline int shop_remove(void **state)
{
    (void)state;
    if (shop.pid > 0) { /* a test that failed */
        kill(shop.pid, SIGKILL);
        waitpid(shop.pid, NULL, 0);
    }
    close(shop.listener);
    close(shop.life[0]);
    if (shop.life[1] >= 0)
        close(shop.life[1]);
    if (shop.heritage.news_fd > 0)
        close(shop.heritage.news_fd);
    bells_free(shop.bells);
    app_free(shop.app);
    settings_free(shop.settings);
    shared_close(&shop.shared);
    return nftw(shop.dir, shop_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- its life ----*/

/* Reads flags, separated by blanks, and the app. */
static inline void shop_settle(const char *flags)
{
    static char line[512];
    char program[] = "prong";
    char *argv[FLAGS_MAX] = {program};
    int argc = 1;
    struct fault fault;

    snprintf(line, sizeof line,
             "%s --no-sandbox --access-logfile %s --database %s/db %s",
             shop.dir, shop.access, shop.dir, flags);
    for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
        argv[argc++] = w;
    assert_true(argc < FLAGS_MAX);
    if (settings_load(argc, argv, &shop.settings, &fault) != SETTINGS_OK)
        fail_msg("%s", fault.text);
    shop.app = app_load(shop.dir, &fault);
    if (shop.app == NULL)
        fail_msg("%s", fault.text);
}

static inline void shop_inherit(void)
{
    struct slot *slot = &shop.shared.slots[SLOT];

    shop.heritage = (struct heritage){
        .settings = shop.settings,
        .app = shop.app,
        .listeners = &shop.listener,
        .listener_count = 1,
        .shared = &shop.shared,
        .slot = slot,
        .may_create = true,
        .number = SLOT,
        .news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .life_fd = shop.life[0],
        .bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .bells = shop.bells,
        .master = getpid(),
    };
    atomic_store(&slot->generation, 1);
}

/* As spawn.c does it. */
static inline void shop_block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static inline void shop_start(const char *flags)
{
    shop_settle(flags);
    shop_inherit();
    fflush(NULL);
    shop.pid = fork();
    assert_true(shop.pid >= 0);
    if (shop.pid > 0) {
        close(shop.heritage.bell_fd);
        return;
    }
    close(shop.life[1]);
    signal(SIGSEGV, SIG_DFL); /* cmocka's would jump into the test */
    atomic_store(&shop.heritage.slot->pid, getpid());
    shop_block_signals();
    log_open(shop.log, LOG_INFO, false);
    _exit(worker_main(&shop.heritage));
}

/* Its exit code, or 128 and the signal. */
static inline int shop_end(void)
{
    int status;

    for (int ms = 0; waitpid(shop.pid, &status, WNOHANG) == 0; ms += 2) {
        if (ms > PATIENCE_MS)
            fail_msg("the worker does not end: %s", shop_read(shop.log));
        usleep(2000);
    }
    shop.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline void shop_await(bool (*holds)(void), const char *what)
{
    for (int ms = 0; !holds(); ms += 2) {
        if (ms > PATIENCE_MS)
            fail_msg("%s: never; %s", what, shop_read(shop.log));
        usleep(2000);
    }
}

static inline bool shop_is_ready(void)
{
    return atomic_load(&shop.shared.slots[SLOT].ready) != 0;
}

/* Serves by then. */
static inline void shop_open(const char *flags)
{
    shop_start(flags);
    shop_await(shop_is_ready, "ready");
}

static inline bool shop_logged(const char *text)
{
    return strstr(shop_read(shop.log), text) != NULL;
}

/* ---- clients ----*/

static inline int shop_connect(void)
{
    const struct timeval most = {.tv_sec = PATIENCE_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    assert_int_equal(connect(fd, (const struct sockaddr *)&shop.address,
                             sizeof shop.address),
                     0);
    return fd;
}

static inline void shop_say(int fd, const char *text)
{
    size_t len = strlen(text);

    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

static inline void shop_ask(int fd, const char *path)
{
    char text[128];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    shop_say(fd, text);
}

/* One answer, its fields and body, valid until the next; "" at the end. */
static inline const char *shop_answer(int fd)
{
    static char text[16 * 1024];
    size_t len = 0, whole = sizeof text;

    while (len < whole) {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        text[len] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strcasestr(text, "\r\nContent-Length: ");
        if (end && length)
            whole = (size_t)(end + 4 - text) + strtoul(length + 18, NULL, 10);
    }
    text[len] = '\0';
    return text;
}

static inline int shop_status(int fd)
{
    const char *answer = shop_answer(fd);

    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

/* By a connection of its own. */
static inline int shop_get(const char *path)
{
    int fd = shop_connect();

    shop_ask(fd, path);
    int status = shop_status(fd);
    close(fd);
    return status;
}

#endif
