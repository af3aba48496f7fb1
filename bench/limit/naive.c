/*
 * naive [-w WORKERS] [-y NORMAL|FULL] -p PORT [-b BINDING]... DB SQL...
 *
 * Each worker for itself, as a prefork server on SQLite is usually written:
 * processes that share a socket, each with a connection of its own and a busy
 * timeout; one statement a POST, which commits by itself, checkpoints when
 * SQLite finds that it is time, and is answered then. One that the timeout
 * refuses is answered with 503. The server around it is the least there can
 * be: the loop of serve.h, which does not even parse what it is sent.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "query.h"
#include "serve.h"

enum { BINDINGS = 16, WORKERS_MAX = 64 };

struct plan {
    int workers, port;
    const char *synchronous;
    char *bindings[BINDINGS + 1];
    char *database;
    char **statements;
    int count;
    struct query *query; /* of this worker */
};

static pid_t workers[WORKERS_MAX];

/* ---- a worker
 * --------------------------------------------------------------*/

static const char health[] = "HTTP/1.1 200 OK\r\n"
                             "Content-Type: application/json\r\n"
                             "Content-Length: 15\r\n\r\n"
                             "{\"status\":\"ok\"}";
static const char locked[] = "HTTP/1.1 503 Service Unavailable\r\n"
                             "Server: naive\r\n"
                             "Retry-After: 1\r\n"
                             "Content-Length: 0\r\n\r\n";

/* Head and body in one span: the head is written backwards into the room. */
static const char *answer(void *self, const char *request, size_t *len)
{
    const struct plan *plan = self;
    char head[QUERY_ROOM];
    char *body;

    if (strncmp(request, "POST ", 5) != 0) {
        *len = sizeof health - 1;
        return health;
    }
    body = query_run(plan->query, ROWS_OBJECT, len);
    if (!body) {
        *len = sizeof locked - 1;
        return locked;
    }
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 201 Created\r\n"
                     "Server: naive\r\n"
                     "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                     "Content-Type: application/json\r\n"
                     "Content-Length: %zu\r\n"
                     "X-Request-ID: 0123456789abcdef\r\n"
                     "Vary: Accept\r\n\r\n",
                     *len);
    memcpy(body - n, head, (size_t)n);
    *len += (size_t)n;
    return body - n;
}

static void work(struct plan *plan, int listener)
{
    const struct answerer who = {.answer = answer, .self = plan};

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    plan->query = query_open(plan->database, plan->statements, plan->count,
                             plan->bindings);
    query_synchronous(plan->query, plan->synchronous);
    serve(listener, &who);
}

/* ---- the master
 * ------------------------------------------------------------*/

static void on_term(int signal)
{
    for (int i = 0; i < WORKERS_MAX && workers[i]; i++)
        kill(workers[i], signal);
}

static void start_worker(struct plan *plan, int nth, int listener)
{
    workers[nth] = fork();
    if (workers[nth] < 0)
        err(1, "fork");
    if (workers[nth] > 0)
        return;
    work(plan, listener);
    exit(0);
}

static void take_options(int argc, char **argv, struct plan *plan)
{
    int option, bound = 0;

    while ((option = getopt(argc, argv, "w:y:p:b:")) != -1)
        switch (option) {
        case 'w': plan->workers = atoi(optarg); break;
        case 'y': plan->synchronous = optarg; break;
        case 'p': plan->port = atoi(optarg); break;
        case 'b':
            if (bound < BINDINGS)
                plan->bindings[bound++] = optarg;
            break;
        default: exit(2);
        }
    if (argc - optind < 2 || plan->workers < 1 || plan->workers > WORKERS_MAX)
        errx(2, "usage: naive [options] DATABASE SQL...");
    plan->database = argv[optind];
    plan->statements = argv + optind + 1;
    plan->count = argc - optind - 1;
}

int main(int argc, char **argv)
{
    struct plan plan = {.workers = 1, .synchronous = "FULL"};
    struct sigaction act = {.sa_handler = on_term, .sa_flags = SA_RESTART};

    take_options(argc, argv, &plan);
    int listener = serve_listen(plan.port);
    for (int i = 0; i < plan.workers; i++)
        start_worker(&plan, i, listener);
    sigaction(SIGTERM, &act, NULL);
    while (wait(NULL) > 0)
        ;
    return 0;
}
