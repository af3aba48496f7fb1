/*
 * sqlite [-a | -s] [-p PORT] [-n RUNS] [-t TURN] [-b BINDING]... DB SQL...
 *
 * With -p, serves the answer of the statements on that port: the bare loop
 * with SQLite behind it. Without, runs them RUNS times with no socket and
 * prints the microseconds of CPU time that one run took; TURN runs share one
 * read transaction, as many as the loop serves at one turn.
 *
 *   -a  the rows are one JSON array (else the row is one JSON object)
 *   -s  the columns are read and nothing is written
 *   -1  print one answer and leave: to see what is measured
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "query.h"
#include "serve.h"

enum { BINDINGS = 16 };

struct plan {
    struct query *query;
    enum rows rows;
};

static char *run(const struct plan *plan, size_t *len)
{
    char *body = query_run(plan->query, plan->rows, len);

    if (!body)
        errx(1, "another process has locked the database");
    return body;
}

/* Head and body in one span: the head is written backwards into the room. */
static const char *answer(void *self, const char *request, size_t *len)
{
    const struct plan *plan = self;
    char *body = run(plan, len);
    char head[QUERY_ROOM];

    (void)request;
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\n"
                     "Server: limit\r\n"
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

static void turn_ends(void *self)
{
    const struct plan *plan = self;

    query_turn_ends(plan->query);
}

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double run_alone(const struct plan *plan, int runs, int turn)
{
    double start = cpu_us();
    size_t len;

    for (int i = 1; i <= runs; i++) {
        run(plan, &len);
        if (i % turn == 0)
            query_turn_ends(plan->query);
    }
    query_turn_ends(plan->query);
    return (cpu_us() - start) / runs;
}

int main(int argc, char **argv)
{
    struct plan plan = {.rows = ROWS_OBJECT};
    struct answerer who = {answer, turn_ends, &plan};
    char *bindings[BINDINGS + 1] = {0};
    int option, port = 0, runs = 20000, turn = 64, bound = 0, once = 0;
    size_t len;

    while ((option = getopt(argc, argv, "as1p:n:t:b:")) != -1)
        switch (option) {
        case 'a': plan.rows = ROWS_ARRAY; break;
        case 's': plan.rows = ROWS_STEPPED; break;
        case '1': once = 1; break;
        case 'p': port = atoi(optarg); break;
        case 'n': runs = atoi(optarg); break;
        case 't': turn = atoi(optarg); break;
        case 'b':
            if (bound < BINDINGS)
                bindings[bound++] = optarg;
            break;
        default: return 2;
        }
    if (argc - optind < 2 || runs < 1 || turn < 1)
        errx(2, "usage: sqlite [options] DATABASE SQL...");
    plan.query = query_open(argv[optind], argv + optind + 1, argc - optind - 1,
                            bindings);
    if (once)
        printf("%s\n", run(&plan, &len));
    else if (port)
        serve(serve_listen(port), &who);
    else {
        run_alone(&plan, runs / 20 + 1, turn); /* fill the caches first */
        printf("%.2f\n", run_alone(&plan, runs, turn));
    }
    return 0;
}
