/*
 * household: a keeper process of its own for each test, with all it inherits:
 * an app, settings, a segment, bells, and a database in a folder.
 */
#ifndef PRONG_TEST_HOUSEHOLD_H
#define PRONG_TEST_HOUSEHOLD_H

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/app/app.h"
#include "common/segment/bells.h"
#include "common/segment/board.h"
#include "common/log.h"
#include "common/settings/settings.h"
#include "common/segment/shared.h"
#include "master/keeper/keeper.h"
#include "master/spawn.h"
#include "worker/db/db.h"

enum { PATIENCE_MS = 10000 };

/* A keeper of its own for each test, with all it inherits. */
static struct household {
    char dir[64];
    char database[96], log[96], figures[96], told[96], command[448];
    struct shared shared;
    struct settings settings;
    struct app app;
    struct bells *bells;
    int life[2];
    struct heritage heritage;
    pid_t pid;
} house;

static inline int drop_one(const char *path, const struct stat *st, int flag,
                           struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static inline int house_make(void **state)
{
    struct fault fault;

    (void)state;
    house = (struct household){.dir = "/tmp/prong-test-XXXXXX"};
    if (mkdtemp(house.dir) == NULL || pipe2(house.life, O_CLOEXEC) != 0 ||
        !shared_open(&house.shared, 0, 1, &fault))
        return -1;
    snprintf(house.database, sizeof house.database, "%s/db", house.dir);
    db_init();
    struct db *db = db_open(house.database, DB_CREATE, &fault);
    if (db == NULL)
        return -1;
    db_close(db);
    snprintf(house.log, sizeof house.log, "%s/log", house.dir);
    snprintf(house.figures, sizeof house.figures, "%s/figures", house.dir);
    snprintf(house.told, sizeof house.told, "%s/told", house.dir);
    snprintf(house.command, sizeof house.command,
             "{ env | grep ^PRONG_A | sort; readlink /proc/$$/fd/0; } > %s.new;"
             " mv %s.new %s",
             house.told, house.told, house.told);
    house.app = (struct app){.name = "shop", .database = house.database};
    house.app.alerts = (struct alert_rules){.min_requests = 1};
    house.settings = (struct settings){.performance_interval = 3600,
                                       .performance_log_size = 4096,
                                       .performance_log_count = 1,
                                       .durability = "full",
                                       .wal_autocheckpoint = 1000,
                                       .journal_size_limit = 1 << 26};
    house.bells = bells_new();
    house.heritage = (struct heritage){
        .settings = &house.settings,
        .app = &house.app,
        .shared = &house.shared,
        .slot = &house.shared.slots[SLOT_KEEPER],
        .number = SLOT_KEEPER,
        .news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .life_fd = house.life[0],
        .bells = house.bells,
        .master = getpid(),
    };
    atomic_store(&house.heritage.slot->pid, 1); /* somebody */
    return 0;
}

static inline int house_remove(void **state)
{
    (void)state;
    if (house.pid > 0) { /* a test that failed */
        kill(house.pid, SIGKILL);
        waitpid(house.pid, NULL, 0);
    }
    close(house.life[0]);
    close(house.life[1]);
    close(house.heritage.news_fd);
    bells_free(house.bells);
    shared_close(&house.shared);
    return nftw(house.dir, drop_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void start(void)
{
    house.pid = fork();
    assert_true(house.pid >= 0);
    if (house.pid > 0) {
        close(house.life[0]);
        return;
    }
    close(house.life[1]);
    log_open(house.log, LOG_INFO, false);
    _exit(keeper_main(&house.heritage));
}

/* Its exit code, or 128 and the signal. */
static inline int end(void)
{
    int status;

    assert_int_equal(waitpid(house.pid, &status, 0), house.pid);
    house.pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Tells whether it came true before patience ended. */
static inline bool wait_until(bool (*holds)(void))
{
    const struct timespec pause = {.tv_nsec = 2000000};

    for (int ms = 0; ms < PATIENCE_MS; ms += 2) {
        if (holds())
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}

static inline bool is_ready(void)
{
    return spawn_is_ready(&house.heritage);
}

static inline bool has_sampled(void)
{
    struct alert last;

    return board_alert(house.shared.board, ALERTS - 1, &last);
}

static inline const char *content(const char *path)
{
    static char text[8192];
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;

    text[n] = '\0';
    if (file)
        fclose(file);
    return text;
}

/* It is told to, and does. */
static inline void leave(void)
{
    assert_int_equal(kill(house.pid, SIGTERM), 0);
    assert_int_equal(end(), EXIT_ASKED);
}

#endif
