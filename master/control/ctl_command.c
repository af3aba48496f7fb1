#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/segment/heritage.h"
#include "master/control/control.h"
#include "master/control/control_ask.h"
#include "master/control/order_line.h"
#include "master/spawn.h"

#include "master/control/ctl_command.h"

static const char usage[] =
    "usage: prong ctl APP [COMMAND] [--json] [--database PATH]\n"
    "                 [--control-socket PATH] [--no-wait] [--any-owner]\n"
    "\n"
    "Tells the server of the app in the folder APP what to do, and prints its\n"
    "answer. Without a COMMAND: status. What takes its time (reload, upgrade,\n"
    "stop, quit) is answered when it is over, unless with --no-wait.\n"
    "\n";

/* Longer than the server lets anybody wait. */
enum {
    PATIENCE_MS = CONTROL_WAIT_MS + 10000,
    END_MS = 5000, /* from a server's last word to its end */
    LOOK_MS = 10,
};

struct words {
    struct control_target target;
    struct buf line; /* the order */
    bool json;
    bool at_once;
    bool help;
};

static void print_usage(FILE *to)
{
    struct buf help = {0};

    order_help(&help);
    fprintf(to, "%s%s", usage, buf_text(&help));
    buf_free(&help);
}

static int misused(const char *reason, const char *what)
{
    fprintf(stderr, "Error: %s%s\n", reason, what);
    print_usage(stderr);
    return EXIT_USAGE;
}

static bool read_option(struct words *w, int option)
{
    switch (option) {
    case 'd': w->target.database = optarg; return true;
    case 's': w->target.socket = optarg; return true;
    case 'a': w->target.any_owner = true; return true;
    case 'n': w->at_once = true; return true;
    case 'j': w->json = true; return true;
    case 'h': w->help = true; return true;
    default: return false;
    }
}

/* An APP, then the words of the order; options stand anywhere. */
static int read_words(int argc, char **argv, struct words *w)
{
    static const struct option options[] = {
        {"database", required_argument, NULL, 'd'},
        {"control-socket", required_argument, NULL, 's'},
        {"any-owner", no_argument, NULL, 'a'},
        {"no-wait", no_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0;
    optind = 0; /* the scanner may have been used before (glibc) */
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (!read_option(w, option))
            return misused("bad option ", argv[optind - 1]);
    if (w->help)
        return EXIT_SUCCESS;
    if (optind == argc)
        return misused("the app's folder is missing", "");
    w->target.app = argv[optind++];
    buf_string(&w->line, w->json ? "json" : "");
    buf_string(&w->line, w->at_once ? " at-once" : "");
    for (; optind < argc; optind++)
        buf_format(&w->line, " %s", argv[optind]);
    return EXIT_SUCCESS;
}

static int complain(const char *reason, int code)
{
    fprintf(stderr, "Error: %s\n", reason);
    return code;
}

/* The server's reason ends with the line. */
static int report(enum control_reply reply, struct buf *body,
                  const struct fault *fault)
{
    switch (reply) {
    case CONTROL_OK:
        fwrite(body->data, 1, body->len, stdout);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    case CONTROL_REFUSED:
        fprintf(stderr, "Error: %s", buf_text(body));
        return EXIT_FAILURE;
    case CONTROL_NOBODY: return complain(fault->text, EXIT_NO_SERVER);
    case CONTROL_BROKEN: break;
    }
    return complain(fault->text, EXIT_FAILURE);
}

/* It has said that it ends; its process does in a moment. */
static void see_end(pid_t server)
{
    const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};

    for (int i = 0; i < END_MS / LOOK_MS && !spawn_gone(server); i++)
        nanosleep(&moment, NULL);
}

static bool ends_server(const struct order *o)
{
    return !o->at_once && (o->verb == ORDER_STOP || o->verb == ORDER_QUIT);
}

static int ask(struct words *w, const struct order *order)
{
    struct arena *arena = arena_new();
    struct buf body = {0};
    struct control_server server;
    struct fault fault;
    int code = EXIT_FAILURE;

    if (control_target_find(&w->target, arena, &server, &fault)) {
        enum control_reply reply = control_ask(&server, buf_text(&w->line),
                                               PATIENCE_MS, &body, &fault);
        if (reply == CONTROL_OK && ends_server(order))
            see_end(server.pid);
        code = report(reply, &body, &fault);
    } else {
        complain(fault.text, EXIT_FAILURE);
    }
    buf_free(&body);
    arena_free(arena);
    return code;
}

int ctl_command(int argc, char **argv)
{
    struct words w = {.json = false};
    struct order order;
    struct fault fault;
    int code = read_words(argc - 1, argv + 1, &w);

    if (code == EXIT_SUCCESS && w.help)
        print_usage(stdout);
    else if (code == EXIT_SUCCESS &&
             !order_read(buf_view(&w.line), &order, &fault))
        code = complain(fault.text, EXIT_USAGE);
    else if (code == EXIT_SUCCESS)
        code = ask(&w, &order);
    buf_free(&w.line);
    return code;
}
