#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/appconf.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/segment/heritage.h"
#include "common/settings/conf.h"

#include "worker/commands/backup_words.h"

enum {
    CONF_MAX = 1 << 20, /* bytes of an app.conf, as app_load has it */
    PAGE = 4096,        /* bytes, nearly always */
    REDRAW_NS = 100000000,
};

/* ---- words ---------------------------------------------------------------*/

static bool misused(const struct backup_words *w, int *code, const char *reason,
                    const char *what)
{
    fprintf(stderr, "Error: %s%s\n%s", reason, what, w->usage);
    *code = EXIT_USAGE;
    return false;
}

/* Those without dashes, once the options have been moved before them. */
static bool take_words(struct backup_words *w, char **words, int *code)
{
    if (words[0] == NULL)
        return misused(w, code, "the app's folder is missing", "");
    if (words[1] == NULL)
        return misused(w, code, "the FILE is missing", "");
    if (words[2] != NULL)
        return misused(w, code, "one word too many: ", words[2]);
    if (strcmp(words[1], "-") == 0)
        return misused(w, code, "the FILE cannot be a stream: ",
                       "it is written or read in any order");
    w->app = words[0];
    w->file = words[1];
    return true;
}

bool backup_words_read(struct backup_words *w, int argc, char **argv, int *code)
{
    static const struct option options[] = {
        {"database", required_argument, NULL, 'd'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0;
    optind = 0; /* the scanner may have been used before (glibc) */
    while ((option = getopt_long(argc - 1, argv + 1, "qh", options, NULL)) !=
           -1) {
        switch (option) {
        case 'd': w->database = optarg; break;
        case 'q': w->quiet = true; break;
        case 'h':
            fputs(w->usage, stdout);
            *code = EXIT_SUCCESS;
            return false;
        default: return misused(w, code, "bad option ", argv[optind]);
        }
    }
    return take_words(w, argv + 1 + optind, code);
}

bool backup_words_database(const struct backup_words *w,
                           char database[BACKUP_PATH], struct fault *fault)
{
    struct app app = {.arena = arena_new()};
    const char *file = arena_format(app.arena, "%s/app.conf", w->app);
    struct slice text;
    bool ok = true;

    if (w->database == NULL)
        ok = conf_slurp(app.arena, file, CONF_MAX, &text, fault) &&
             appconf_parse(&app, w->app, file, text, fault);
    const char *path = w->database ? w->database : app.database;
    if (ok && snprintf(database, BACKUP_PATH, "%s", path) >= BACKUP_PATH)
        ok = fault_set(fault, "%.60s…: the name is too long", path);
    arena_free(app.arena);
    return ok;
}

/* ---- what is said --------------------------------------------------------*/

int backup_complain(const struct fault *fault)
{
    fprintf(stderr, "Error: %s\n", fault->text);
    return EXIT_FAILURE;
}

void backup_print_figures(uint64_t bytes, uint64_t took_ns, uint64_t orphans)
{
    bool small = bytes < 1000000;

    printf("%.1f %s in %.1f s, checked", (double)bytes / (small ? 1e3 : 1e6),
           small ? "kB" : "MB", (double)took_ns / 1e9);
    if (orphans > 0)
        printf("; in it %llu rows refer to others that are not there",
               (unsigned long long)orphans);
}

/* ---- how far it is -------------------------------------------------------*/

static volatile sig_atomic_t told_to_stop;

static void on_stop(int signal)
{
    (void)signal;
    told_to_stop = 1;
}

static void draw(struct backup_line *l, int64_t copied, int64_t all)
{
    double seconds = (double)(loop_clock_ns() - l->begin_ns) / 1e9;

    if (all == 0)
        fprintf(stderr, "\r\033[Kchecking…");
    else
        fprintf(stderr, "\r\033[K%lld of %lld pages, %.0f %%, %.0f MB/s",
                (long long)copied, (long long)all,
                100.0 * (double)copied / (double)all,
                (double)copied * PAGE / 1e6 / seconds);
    l->dirty = true;
}

static bool on_pages(void *self, int64_t copied, int64_t all)
{
    struct backup_line *l = self;
    uint64_t now_ns = loop_clock_ns();

    if (l->shown && now_ns >= l->next_ns) {
        l->next_ns = now_ns + REDRAW_NS;
        draw(l, copied, all);
    }
    return !told_to_stop;
}

void backup_line_begin(struct backup_line *l, bool quiet)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    struct sigaction before;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaction(signals[i], NULL, &before);
        if (before.sa_handler != SIG_IGN) /* as nohup leaves it */
            sigaction(signals[i], &action, NULL);
    }
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of write */
    /* What SQLite logs of a damaged file is in the reason, too. */
    log_open("-", LOG_CRITICAL, false);
    *l = (struct backup_line){.progress = {on_pages, l},
                              .shown = !quiet && isatty(STDERR_FILENO),
                              .begin_ns = loop_clock_ns()};
}

void backup_line_end(struct backup_line *l)
{
    if (l->dirty)
        fputs("\r\033[K", stderr);
    l->dirty = false;
}
