#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/app/app.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/schedule.h"
#include "common/segment/bells.h"
#include "common/segment/errands.h"
#include "common/segment/shared.h"
#include "common/settings/settings.h"
#include "master/keeper/backup_folder.h"
#include "master/spawn.h"
#include "worker/db/partfile.h"

#include "master/keeper/keeper_backups.h"

enum {
    RETRY_MS = 600000,
    NICENESS = 10,   /* a backup gives way to requests */
    SAID_MAX = 2048, /* bytes of its output that are kept: the last ones */
    NO_ERRAND = -1,
};

struct keeper_backups {
    const struct heritage *heritage;
    struct loop *loop;
    bool scheduled; /* there is a folder and a schedule */
    struct schedule schedule;
    int64_t last_ms;  /* Unix time: of the last try, or when we began */
    int64_t retry_ms; /* Unix time; 0: the last one did not fail */

    /* The one under way. */
    pid_t pid; /* 0: none */
    struct watch pipe;
    char path[ERRAND_RESULT];
    bool regular; /* named by its time: it counts, and the oldest one goes */
    int errand;   /* NO_ERRAND: nobody waits for it */
    int64_t begun_ms;  /* Unix time */
    uint64_t begin_ns; /* CLOCK_MONOTONIC */
    char said[SAID_MAX];
    size_t said_len;
};

static const char *folder_of(const struct keeper_backups *b)
{
    return b->heritage->settings->backup_dir;
}

/* ---- when ----------------------------------------------------------------*/

static int64_t due_at(const struct keeper_backups *b, int64_t wall)
{
    int64_t due = schedule_next(&b->schedule, b->last_ms, wall);

    return b->retry_ms && b->retry_ms < due ? b->retry_ms : due;
}

/* A clock that was set back must not put the next one off. */
static void heed_clock(struct keeper_backups *b, int64_t wall)
{
    if (b->last_ms > wall)
        b->last_ms = wall;
    if (b->retry_ms > wall + RETRY_MS)
        b->retry_ms = wall + RETRY_MS;
}

uint64_t keeper_backups_next(const struct keeper_backups *b)
{
    if (!b->scheduled || b->pid)
        return UINT64_MAX;
    int64_t wall = loop_wall_ms();
    int64_t left = due_at(b, wall) - wall;
    return loop_clock_ms() + (left > 0 ? (uint64_t)left : 0);
}

/* ---- the end of one ------------------------------------------------------*/

static void answer(struct keeper_backups *b, bool ok,
                   const struct errand_end *end)
{
    const struct heritage *h = b->heritage;

    if (b->errand == NO_ERRAND)
        return;
    int slot = errands_end(h->shared->errands, b->errand, ok, end);
    if (slot >= 0)
        bells_ring(h->bells, (unsigned)slot);
    b->errand = NO_ERRAND;
}

/* What it said last, without the line's end. */
static char *last_line(struct keeper_backups *b)
{
    while (b->said_len > 0 && b->said[b->said_len - 1] == '\n')
        b->said_len--;
    b->said[b->said_len] = '\0';
    char *end = strrchr(b->said, '\n');
    return end ? end + 1 : b->said;
}

static bool says_well(const struct keeper_backups *b, const char *line)
{
    size_t len = strlen(b->path);

    return strncmp(line, b->path, len) == 0 && line[len] == ':';
}

static void note_success(struct keeper_backups *b, const char *line,
                         struct errand_end *end)
{
    int64_t keep = b->heritage->settings->backup_keep;
    struct stat st;

    log_info("Backup: %s", line);
    snprintf(end->text, sizeof end->text, "%s", b->path);
    if (stat(b->path, &st) == 0)
        end->bytes = (uint64_t)st.st_size;
    if (b->regular && keep > 0)
        backup_folder_prune(folder_of(b), b->heritage->app->name, (size_t)keep);
}

static void note_failure(const struct keeper_backups *b, const char *line,
                         struct errand_end *end)
{
    static const char prefix[] = "Error: ";

    if (strncmp(line, prefix, sizeof prefix - 1) == 0)
        line += sizeof prefix - 1;
    else if (*line == '\0')
        line = "its process died";
    log_error("Backup %s failed: %s", b->path, line);
    snprintf(end->text, sizeof end->text, "%.*s", ERRAND_RESULT - 1, line);
    end->full = strstr(line, "space left") != NULL;
}

/* Only what its schedule made counts for the schedule. */
static void reckon(struct keeper_backups *b, bool ok)
{
    if (!b->regular)
        return;
    b->last_ms = b->begun_ms;
    b->retry_ms = ok ? 0 : loop_wall_ms() + RETRY_MS;
}

static void forget_child(struct keeper_backups *b)
{
    loop_del(b->loop, &b->pipe);
    close(b->pipe.fd);
    b->pid = 0;
}

static void finish(struct keeper_backups *b)
{
    struct errand_end end = {.took_ns = loop_clock_ns() - b->begin_ns};
    const char *line = last_line(b);
    bool ok = says_well(b, line);

    forget_child(b);
    if (ok)
        note_success(b, line, &end);
    else
        note_failure(b, line, &end);
    reckon(b, ok);
    answer(b, ok, &end);
}

/* ---- what it says --------------------------------------------------------*/

static void keep_words(struct keeper_backups *b, const char *words, size_t len)
{
    size_t room = sizeof b->said - 1 - b->said_len;
    size_t drop = len > room ? len - room : 0;

    memmove(b->said, b->said + drop, b->said_len - drop);
    b->said_len -= drop;
    memcpy(b->said + b->said_len, words, len);
    b->said_len += len;
}

static void on_words(void *self, unsigned events)
{
    struct keeper_backups *b = self;
    char words[SAID_MAX / 2];
    ssize_t n;

    (void)events;
    while ((n = read(b->pipe.fd, words, sizeof words)) > 0)
        keep_words(b, words, (size_t)n);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        finish(b);
}

/* ---- the beginning of one ------------------------------------------------*/

/* posix_spawn's child is this same program, also when its file was replaced by
 * another version since. */
static bool spawn_it(struct keeper_backups *b, struct fault *fault)
{
    const struct app *app = b->heritage->app;
    char program[] = "/proc/self/exe";
    char word[] = "backup";
    char option[] = "--database";
    char dashes[] = "--";
    char *database = strdup(heritage_database(b->heritage));
    char *dir = strdup(app->dir);
    char *const argv[] = {program, word, option,  database,
                          dashes,  dir,  b->path, NULL};
    pid_t pid = -1;

    if (database && dir)
        pid = spawn_program(argv, &b->pipe.fd);
    int reason = errno;
    free(database);
    free(dir);
    if (pid < 0)
        return fault_set(fault, "no process for a backup: %s",
                         strerror(reason));
    setpriority(PRIO_PROCESS, (id_t)pid, NICENESS);
    b->pid = pid;
    return true;
}

static bool hear_it(struct keeper_backups *b, struct fault *fault)
{
    b->said_len = 0;
    b->begin_ns = loop_clock_ns();
    b->pipe = (struct watch){on_words, b, b->pipe.fd};
    if (fcntl(b->pipe.fd, F_SETFL, O_NONBLOCK) == 0 &&
        loop_add(b->loop, &b->pipe, LOOP_READ))
        return true;
    fault_set(fault, "a backup cannot be watched: %s", strerror(errno));
    spawn_signal(b->pid, SIGTERM);
    forget_child(b);
    return false;
}

/* `name`: null for one of its own. */
static bool begin(struct keeper_backups *b, const char *name,
                  struct fault *fault)
{
    char own[BACKUP_NAME];
    const char *folder = folder_of(b);

    b->begun_ms = loop_wall_ms();
    b->regular = name == NULL;
    backup_folder_name(b->heritage->app->name, b->begun_ms, own);
    if (snprintf(b->path, sizeof b->path, "%s/%s", folder, name ? name : own) >=
        (int)sizeof b->path)
        return fault_set(fault, "%.60s…: the name is too long", folder);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fault_set(fault, "folder %s cannot be made: %s", folder,
                         strerror(errno));
    partfile_sweep(folder, NULL);
    return spawn_it(b, fault) && hear_it(b, fault);
}

void keeper_backups_look(struct keeper_backups *b, uint64_t now_ms)
{
    struct fault fault;

    heed_clock(b, loop_wall_ms());
    if (keeper_backups_next(b) > now_ms)
        return;
    b->errand = NO_ERRAND;
    if (!begin(b, NULL, &fault)) {
        log_error("Backup failed: %s", fault.text);
        reckon(b, false);
    }
}

/* A file of the folder itself, and none that looks like a part of one. */
static bool is_plain(const char *name)
{
    return name[0] != '.' && strchr(name, '/') == NULL &&
           strstr(name, ".part-") == NULL && strlen(name) <= 200;
}

bool keeper_backups_busy(const struct keeper_backups *b)
{
    return b->pid != 0;
}

bool keeper_backups_want(struct keeper_backups *b, int errand, const char *name,
                         struct fault *fault)
{
    if (folder_of(b) == NULL)
        return fault_set(fault, "backup_dir is not set");
    if (!is_plain(name))
        return fault_set(fault, "not a plain name of a file: %.200s", name);
    if (b->pid)
        return fault_set(fault, "another backup is under way");
    if (!begin(b, *name ? name : NULL, fault)) {
        log_error("Backup failed: %s", fault->text);
        return false;
    }
    b->errand = errand;
    return true;
}

/* ---- life ----------------------------------------------------------------*/

/* The settings were checked when they were read. */
static void read_schedule(struct keeper_backups *b)
{
    const struct settings *s = b->heritage->settings;
    struct fault fault;

    if (s->backup_schedule == NULL)
        return;
    if (s->backup_dir == NULL) {
        log_warning("No backups are made: there is a backup_schedule, but no "
                    "backup_dir");
        return;
    }
    b->scheduled =
        schedule_read(slice_of(s->backup_schedule), &b->schedule, &fault);
    b->last_ms = backup_folder_newest(s->backup_dir, b->heritage->app->name);
    if (b->last_ms == 0)
        b->last_ms = loop_wall_ms();
}

struct keeper_backups *keeper_backups_new(const struct heritage *h,
                                          struct loop *loop)
{
    struct keeper_backups *b = calloc(1, sizeof *b);

    if (b == NULL)
        return NULL;
    b->heritage = h;
    b->loop = loop;
    b->errand = NO_ERRAND;
    read_schedule(b);
    return b;
}

void keeper_backups_free(struct keeper_backups *b)
{
    struct errand_end end = {.text = "The keeper leaves; try again",
                             .busy = true};

    if (b == NULL)
        return;
    if (b->pid) {
        spawn_signal(b->pid, SIGTERM);
        forget_child(b);
        answer(b, false, &end);
    }
    free(b);
}
