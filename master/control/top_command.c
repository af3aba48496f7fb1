#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/loop.h"
#include "common/segment/heritage.h"
#include "master/control/control_ask.h"
#include "master/control/ctl_command.h"
#include "master/control/top_screen.h"

#include "master/control/top_command.h"

static const char usage[] =
    "usage: prong top APP [--interval SECONDS] [--once] [--database PATH]\n"
    "                 [--control-socket PATH] [--any-owner]\n"
    "\n"
    "Shows the server of the app in the folder APP: its load over the last\n"
    "interval, its workers, and the requests that take longest. q ends it.\n"
    "With --once, or without a terminal, it is printed once.\n";

enum {
    PATIENCE_MS = 3000, /* for an answer: keys wait as long */
    INTERVAL_MS = 1000, /* when unsaid */
    INTERVAL_MIN_MS = 100,
    INTERVAL_MAX_MS = 3600000,
};

struct top {
    struct control_target target;
    int interval_ms;
    bool once;
    bool help;
    struct control_server server;
    struct buf bodies[2]; /* the last answers; figures point into them */
    struct top_figures figures[2];
    unsigned newest;
    char note[600]; /* why there is no newer one; "" */
};

/* ---- words --------------------------------------------------------------- */

static int misused(const char *reason, const char *what)
{
    fprintf(stderr, "Error: %s%s\n%s", reason, what, usage);
    return EXIT_USAGE;
}

static bool read_interval(struct top *t, const char *text)
{
    double seconds;

    if (!text_real(slice_of(text), &seconds) ||
        !(seconds * 1000 >= INTERVAL_MIN_MS) ||
        !(seconds * 1000 <= INTERVAL_MAX_MS))
        return false;
    t->interval_ms = (int)(seconds * 1000);
    return true;
}

static bool read_option(struct top *t, int option)
{
    switch (option) {
    case 'd': t->target.database = optarg; return true;
    case 's': t->target.socket = optarg; return true;
    case 'a': t->target.any_owner = true; return true;
    case 'i': return read_interval(t, optarg);
    case '1': t->once = true; return true;
    case 'h': t->help = true; return true;
    default: return false;
    }
}

static int read_words(int argc, char **argv, struct top *t)
{
    static const struct option options[] = {
        {"database", required_argument, NULL, 'd'},
        {"control-socket", required_argument, NULL, 's'},
        {"any-owner", no_argument, NULL, 'a'},
        {"interval", required_argument, NULL, 'i'},
        {"once", no_argument, NULL, '1'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0;
    optind = 0; /* the scanner may have been used before (glibc) */
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (!read_option(t, option))
            return option == 'i' ? misused("--interval takes seconds from 0.1 "
                                           "to 3600, not ",
                                           optarg)
                                 : misused("bad option ", argv[optind - 1]);
    if (t->help)
        return EXIT_SUCCESS;
    if (optind == argc)
        return misused("the app's folder is missing", "");
    t->target.app = argv[optind++];
    return optind < argc ? misused("one word too many: ", argv[optind])
                         : EXIT_SUCCESS;
}

/* ---- looking ------------------------------------------------------------- */

/* EXIT_SUCCESS, and a newer look; or the code for why not, and the note. */
static int look(struct top *t)
{
    unsigned next = t->newest ^ 1;
    struct buf *body = &t->bodies[next];
    struct fault fault = {"The server's answer is not understood"};
    enum control_reply reply =
        control_ask(&t->server, "top", PATIENCE_MS, body, &fault);

    t->note[0] = '\0';
    if (reply == CONTROL_OK &&
        top_figures_read(buf_view(body), &t->figures[next])) {
        t->newest = next;
        return EXIT_SUCCESS;
    }
    if (reply == CONTROL_REFUSED)
        fault_set(&fault, "%.*s", (int)slice_trim(buf_view(body)).len,
                  buf_text(body));
    snprintf(t->note, sizeof t->note, "%s", fault.text);
    t->note[strcspn(t->note, "\n")] = '\0';
    return reply == CONTROL_NOBODY ? EXIT_NO_SERVER : EXIT_FAILURE;
}

static void draw(const struct top *t, struct top_size size, struct buf *page)
{
    const struct top_figures *now = &t->figures[t->newest];
    struct top_rates rates;

    top_rates_between(&rates, &t->figures[t->newest ^ 1], now);
    buf_clear(page);
    top_draw(page, now, &rates, t->note, size);
}

static int complain(const struct top *t, int code)
{
    fprintf(stderr, "Error: %s\n", t->note);
    return code;
}

/* ---- once ---------------------------------------------------------------- */

static int show_once(struct top *t)
{
    const struct timespec interval = {.tv_sec = t->interval_ms / 1000,
                                      .tv_nsec =
                                          t->interval_ms % 1000 * 1000000L};
    struct buf page = {0};

    nanosleep(&interval, NULL); /* rates are of that time */
    int code = look(t);
    if (code != EXIT_SUCCESS)
        return complain(t, code);
    draw(t, (struct top_size){0, 0, false}, &page);
    fwrite(page.data, 1, page.len, stdout);
    buf_free(&page);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- live ---------------------------------------------------------------- */

/* Until the next look is due; false when it is over. A size that changes is
 * drawn at once. */
static bool wait_for_next(const struct top *t, struct buf *page)
{
    uint64_t next_ms = loop_clock_ms() + (uint64_t)t->interval_ms;

    for (;;) {
        uint64_t now_ms = loop_clock_ms();
        if (now_ms >= next_ms)
            return true;
        enum top_event event = top_screen_wait((int)(next_ms - now_ms));
        if (event == TOP_QUIT)
            return false;
        if (event == TOP_TIME)
            continue;
        draw(t, top_screen_size(), page);
        if (!top_screen_show(page))
            return false;
    }
}

/* A server that is away for a while, as at a restart, is waited for. */
static int show_live(struct top *t)
{
    struct buf page = {0};

    if (top_screen_open())
        do {
            draw(t, top_screen_size(), &page);
            if (!top_screen_show(&page) || !wait_for_next(t, &page))
                break;
            look(t);
        } while (true);
    top_screen_close();
    buf_free(&page);
    return EXIT_SUCCESS;
}

static int show(struct top *t)
{
    struct arena *arena = arena_new();
    struct fault fault;
    int code = EXIT_FAILURE;

    if (!control_target_find(&t->target, arena, &t->server, &fault))
        snprintf(t->note, sizeof t->note, "%s", fault.text);
    else
        code = look(t);
    if (code != EXIT_SUCCESS)
        complain(t, code);
    else if (t->once || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        code = show_once(t);
    else
        code = show_live(t);
    arena_free(arena);
    return code;
}

int top_command(int argc, char **argv)
{
    static struct top t = {.interval_ms = INTERVAL_MS};
    int code = read_words(argc - 1, argv + 1, &t);

    if (code == EXIT_SUCCESS && t.help)
        fputs(usage, stdout);
    else if (code == EXIT_SUCCESS)
        code = show(&t);
    buf_free(&t.bodies[0]);
    buf_free(&t.bodies[1]);
    return code;
}
