#include <stdlib.h>

#include "common/segment/heritage.h"
#include "common/settings/settings.h"
#include "master/control/control.h"
#include "master/control/control_ask.h"
#include "master/control/control_socket.h"
#include "master/source.h"

#include "master/check_command.h"

static int complain(const struct fault *fault, int code)
{
    fprintf(stderr, "prong: %s\n", fault->text);
    return code;
}

static void print(const struct buf *body, FILE *to)
{
    if (body->len > 0)
        fwrite(body->data, 1, body->len, to);
}

/* A server that cannot be asked is no fault of the app. */
static int compare(struct control_server *server)
{
    struct buf body = {0};
    struct fault fault = {""};
    int code = EXIT_SUCCESS;

    switch (control_ask(server, "changes", CONTROL_WAIT_MS, &body, &fault)) {
    case CONTROL_OK:
        puts("A server runs on it. A reload would change:");
        print(&body, stdout);
        break;
    case CONTROL_REFUSED:
        fputs("A server runs on it, and could not reload: ", stdout);
        print(&body, stdout);
        code = EXIT_FAILURE;
        break;
    case CONTROL_NOBODY: puts("No server runs on it."); break;
    case CONTROL_BROKEN: printf("note: %s\n", fault.text); break;
    }
    buf_free(&body);
    return code;
}

static int ask_server(const struct settings *s, const struct app *app)
{
    struct arena *arena = arena_new();
    struct control_server server = {
        .path = control_socket_path(arena, s->control_socket, app->database)};
    int code = EXIT_SUCCESS;

    control_expect(&server, s->app);
    control_expect(&server, app->database);
    if (!s->no_control_socket)
        code = compare(&server);
    arena_free(arena);
    return code;
}

int check_command(int argc, char **argv,
                  int (*check)(const struct app *app, FILE *to))
{
    struct source source = {.argc = argc - 1, .argv = argv + 1};
    struct generation g = {.settings = NULL};
    struct fault fault;
    int code = EXIT_FAILURE;

    argv[1] = argv[0]; /* without the word "check" it is a server's line */
    switch (source_open(&source, &g.settings, &fault)) {
    case SETTINGS_DONE: return EXIT_SUCCESS;
    case SETTINGS_BAD: return complain(&fault, EXIT_USAGE);
    case SETTINGS_OK: break;
    }
    g.app = source_load_app(g.settings, &fault);
    if (g.app == NULL)
        complain(&fault, EXIT_FAILURE);
    else if (check(g.app, stdout) == 0)
        code = ask_server(g.settings, g.app);
    source_release(&source, &g);
    return code;
}
