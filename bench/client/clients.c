/*
 * clients [-s SECONDS] [-r RATE] [-m METHOD] [-b BODY] [-l LOW] [-h HIGH]
 *         PATH FD...
 *
 * One client on each of these connected sockets, one request at a time. Prints
 * a line of JSON: how many answers each client got and how long they took, in
 * microseconds as a client sees it.
 *
 * Each asks again as soon as it is answered; or, with -r, requests are due at
 * that rate (one second altogether), whether or not the former ones are
 * answered: whoever is free asks, and the wait begins when it was due, so that
 * a server that stands still is charged for all who would have come meanwhile.
 *
 * After SECONDS nobody begins anew. What is then still owed is waited for
 * (GRACE_S), so the longest wait is as long as it was and not as the run.
 */
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "question.h"

enum {
    CLIENTS_MAX = 1024,
    ANSWER_MAX = 32768,
    EVENTS = 64,
    GRACE_S = 20,    /* no server lets one wait for so long */
    STATUSES = 1000, /* of HTTP, all below this */
};

#define SECOND_NS UINT64_C(1000000000)

struct client {
    int fd;
    bool asking, gone;
    uint64_t since_ns; /* its wait began */
    unsigned long good;
    size_t len;
    char answer[ANSWER_MAX];
};

struct waits {
    uint32_t *us;
    size_t count, room;
};

struct crowd {
    struct question question;
    struct client *clients;
    unsigned count;

    unsigned idle[CLIENTS_MAX]; /* a ring of those who do not ask */
    unsigned idle_first, idle_count;
    unsigned asking, gone;

    uint64_t end_ns;
    uint64_t interval_ns, due_ns; /* interval 0: at once */
    int epoll;

    struct waits waits;
    unsigned long in_time; /* good answers before end_ns */
    unsigned long answers[STATUSES];
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* ---- asking
 * ----------------------------------------------------------------*/

static void ask(struct crowd *c, struct client *who, uint64_t since_ns)
{
    char text[QUESTION_MAX];
    size_t len = question_next(&c->question, text);

    who->since_ns = since_ns;
    who->len = 0;
    who->asking = true;
    c->asking++;
    if (send(who->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
        shutdown(who->fd, SHUT_RDWR); /* read as the end by on_answer */
}

static void make_idle(struct crowd *c, const struct client *who)
{
    unsigned at = (c->idle_first + c->idle_count++) % c->count;

    c->idle[at] = (unsigned)(who - c->clients);
}

static struct client *take_idle(struct crowd *c)
{
    struct client *who = &c->clients[c->idle[c->idle_first]];

    c->idle_first = (c->idle_first + 1) % c->count;
    c->idle_count--;
    return who;
}

static void ask_what_is_due(struct crowd *c)
{
    while (c->idle_count > 0) {
        uint64_t now = now_ns(), due = c->interval_ns ? c->due_ns : now;
        if (due > now || due >= c->end_ns)
            return;
        struct client *who = take_idle(c);
        if (who->gone)
            continue;
        c->due_ns += c->interval_ns;
        ask(c, who, due);
    }
}

/* ---- answers
 * ---------------------------------------------------------------*/

static void add_wait(struct waits *w, uint64_t ns)
{
    if (w->count == w->room) {
        w->room = w->room ? w->room * 2 : 1 << 16;
        w->us = realloc(w->us, w->room * sizeof *w->us);
        if (!w->us)
            err(1, "realloc");
    }
    w->us[w->count++] = (uint32_t)(ns / 1000);
}

static void answered(struct crowd *c, struct client *who, int status)
{
    uint64_t now = now_ns();
    bool good = status >= 200 && status < 300;

    add_wait(&c->waits, now - who->since_ns);
    c->answers[status >= 0 && status < STATUSES ? status : 0]++;
    who->good += good;
    c->in_time += good && now < c->end_ns;
    who->asking = false;
    c->asking--;
    make_idle(c, who);
}

static void lost(struct crowd *c, struct client *who)
{
    epoll_ctl(c->epoll, EPOLL_CTL_DEL, who->fd, NULL);
    c->asking -= who->asking;
    who->asking = false;
    who->gone = true;
    c->gone++;
}

static void on_answer(struct crowd *c, struct client *who)
{
    ssize_t n = recv(who->fd, who->answer + who->len, ANSWER_MAX - who->len, 0);
    int status;

    if (n <= 0) {
        lost(c, who);
        return;
    }
    who->len += (size_t)n;
    size_t extent = answer_extent(who->answer, who->len, &status);
    if (extent > 0 && extent == who->len)
        answered(c, who, status);
    else if (who->len == ANSWER_MAX || (extent > 0 && extent < who->len))
        errx(1, "answers of another length than expected");
}

/* ---- the run
 * ---------------------------------------------------------------*/

static bool is_over(const struct crowd *c, uint64_t now)
{
    uint64_t due = c->interval_ns ? c->due_ns : now;

    return now > c->end_ns + GRACE_S * SECOND_NS || c->gone == c->count ||
           (c->asking == 0 && due >= c->end_ns);
}

/* Until the next one is due; those who ask at once sleep until an answer. */
static struct timespec patience(const struct crowd *c, uint64_t now)
{
    uint64_t ns = SECOND_NS / 10;

    if (c->interval_ns && c->idle_count > 0 && c->due_ns < c->end_ns)
        ns = c->due_ns > now ? c->due_ns - now : 0;
    if (ns > SECOND_NS / 10)
        ns = SECOND_NS / 10;
    return (struct timespec){.tv_nsec = (long)ns};
}

static void run(struct crowd *c)
{
    struct epoll_event events[EVENTS];

    for (uint64_t now = now_ns(); !is_over(c, now); now = now_ns()) {
        ask_what_is_due(c);
        struct timespec most = patience(c, now_ns());
        int n = epoll_pwait2(c->epoll, events, EVENTS, &most, NULL);
        if (n < 0 && errno != EINTR)
            err(1, "epoll_pwait2");
        for (int i = 0; i < n; i++)
            on_answer(c, events[i].data.ptr);
    }
}

static void enter(struct crowd *c, int fd)
{
    struct client *who = &c->clients[c->count];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = who};

    if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event))
        err(1, "descriptor %d", fd);
    who->fd = fd;
    c->idle[c->idle_count++] = c->count++;
}

/* ---- what came of it
 * -------------------------------------------------------*/

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* The wait that this share of all did not exceed (nearest rank). */
static uint32_t rank(const struct waits *w, double share)
{
    size_t nth = (size_t)ceil(share * (double)w->count);

    return w->count ? w->us[nth > 0 ? nth - 1 : 0] : 0;
}

static void tell(struct crowd *c)
{
    struct waits *w = &c->waits;
    const char *comma = "";

    if (w->count)
        qsort(w->us, w->count, sizeof *w->us, by_size);
    printf("{\"in_time\": %lu, \"p50_us\": %u, \"p99_us\": %u, "
           "\"max_us\": %u, \"gone\": %u, \"unanswered\": %u, \"answers\": {",
           c->in_time, rank(w, 0.5), rank(w, 0.99), rank(w, 1), c->gone,
           c->asking);
    for (int i = 0; i < STATUSES; i++)
        if (c->answers[i]) {
            printf("%s\"%d\": %lu", comma, i, c->answers[i]);
            comma = ", ";
        }
    printf("}, \"counts\": [");
    for (unsigned i = 0; i < c->count; i++)
        printf("%s%lu", i ? ", " : "", c->clients[i].good);
    printf("]}\n");
}

static void take_options(int argc, char **argv, struct crowd *c)
{
    struct question *q = &c->question;
    double seconds = 1, rate = 0;
    int option;

    while ((option = getopt(argc, argv, "s:r:m:b:l:h:")) != -1)
        switch (option) {
        case 's': seconds = atof(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'm': q->method = optarg; break;
        case 'b': q->body = optarg; break;
        case 'l': q->low = (unsigned)atoi(optarg); break;
        case 'h': q->high = (unsigned)atoi(optarg); break;
        default: exit(2);
        }
    c->due_ns = now_ns();
    c->end_ns = c->due_ns + (uint64_t)(seconds * 1e9);
    c->interval_ns = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
}

int main(int argc, char **argv)
{
    static struct crowd c = {
        .question = {.method = "GET", .body = "", .random = 88172645463325252},
    };

    take_options(argc, argv, &c);
    if (argc - optind < 2 || argc - optind - 1 > CLIENTS_MAX)
        errx(2, "usage: clients [options] PATH FD...");
    c.question.path = argv[optind];
    c.clients = calloc((size_t)(argc - optind), sizeof *c.clients);
    c.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!c.clients || c.epoll < 0)
        err(1, "too many clients");
    for (int i = optind + 1; i < argc; i++)
        enter(&c, atoi(argv[i]));
    prctl(PR_SET_TIMERSLACK, 1UL); /* ns: what is due does not wait for 50 µs */
    run(&c);
    tell(&c);
    return 0;
}
