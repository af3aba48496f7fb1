#include <string.h>

#include "common/nearest.h"

#include "master/control/order_line.h"

enum {
    WORDS = 6,
    COUNT_MAX = 256,      /* workers in one order */
    PROCESS_MAX = 1 << 30 /* PID_MAX_LIMIT is 2^22 (proc(5)) */
};

enum takes {
    TAKES_NOTHING,
    TAKES_COUNT,  /* of workers; may be unsaid */
    TAKES_WORKER, /* a process id */
    TAKES_EITHER, /* one of both; may be unsaid */
    TAKES_ID,     /* of a request */
};

static const struct row {
    const char *name;  /* one word, or two */
    const char *usage; /* with its argument; null: in no help */
    const char *help;
    enum takes takes;
} rows[ORDERS] = {
    [ORDER_STATUS] = {"status", "status", "How the server fares."},
    [ORDER_WORKERS] = {"workers", "workers",
                       "Each worker: state, load, memory, present request."},
    [ORDER_REQUESTS] = {"requests", "requests",
                        "What is being answered, the longest first."},
    [ORDER_WRITERS] = {"writers", "writers",
                       "Who writes, who waits for it, who held it longest."},
    [ORDER_CHANGES] = {"changes", "changes",
                       "What a reload would change; nothing is done."},
    [ORDER_ADD] = {"worker add", "worker add [N]",
                   "One more worker, or N, until the next reload.",
                   TAKES_COUNT},
    [ORDER_REMOVE] = {"worker remove", "worker remove [N | PID]",
                      "One fewer, or N; or that one. It drains first.",
                      TAKES_EITHER},
    [ORDER_REPLACE] = {"worker replace", "worker replace PID",
                       "That one drains as soon as another one is ready.",
                       TAKES_WORKER},
    [ORDER_RELOAD] = {"reload", "reload",
                      "Read settings and app again; says how it ended."},
    [ORDER_REOPEN] = {"reopen", "reopen", "Open the log files again."},
    [ORDER_UPGRADE] = {"upgrade", "upgrade",
                       "Start the program anew beside this one (USR2)."},
    [ORDER_KILL] = {"kill", "kill REQUEST_ID",
                    "End the statement of a request that is being answered.",
                    TAKES_ID},
    [ORDER_STOP] = {"stop", "stop",
                    "Stop when the requests in work are answered."},
    [ORDER_QUIT] = {"quit", "quit", "Stop at once."},
    [ORDER_VERSION] = {"version", "version", "The server's version."},
    [ORDER_HELP] = {"help", "help", "This list."},
    [ORDER_TOP] = {.name = "top"},
};

struct words {
    struct slice at[WORDS];
    size_t count;
};

/* What stands in a log line and on a terminal must be text. */
static bool is_clean(struct slice line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] < 0x20 || line.ptr[i] > 0x7e)
            return false;
    return true;
}

static bool cut(struct slice line, struct words *w, struct fault *fault)
{
    if (!is_clean(line))
        return fault_set(fault, "A request is one line of ASCII text");
    for (;;) {
        struct slice word = slice_word(&line);
        if (word.len == 0)
            return true;
        if (w->count == WORDS)
            return fault_set(fault, "A request has at most %d words", WORDS);
        w->at[w->count++] = word;
    }
}

/* ---- which command ------------------------------------------------------- */

static size_t words_of(const char *name)
{
    return strchr(name, ' ') ? 2 : 1;
}

static bool is_named(const struct words *w, const char *name)
{
    struct slice rest = slice_of(name);

    for (size_t i = 0; rest.len > 0; i++)
        if (i >= w->count || !slice_equal(slice_word(&rest), w->at[i]))
            return false;
    return true;
}

static bool find(const struct words *w, enum order_verb *out)
{
    for (unsigned i = 0; i < ORDERS; i++)
        if (is_named(w, rows[i].name)) {
            *out = (enum order_verb)i;
            return true;
        }
    return false;
}

/* Two words are near to two, one to one: "worker ad" and "statsu". */
static bool say_near(const struct words *w, struct fault *fault)
{
    const char *names[ORDERS];
    size_t count = 0;
    struct slice said = w->at[0];

    if (w->count > 1 && slice_is(said, "worker"))
        said.len = (size_t)(w->at[1].ptr + w->at[1].len - said.ptr);
    for (unsigned i = 0; i < ORDERS; i++)
        if (rows[i].usage)
            names[count++] = rows[i].name;
    const char *near = nearest(said, names, count);
    if (near)
        return fault_set(fault, "%.*s: no such command; did you mean %s?",
                         (int)said.len, said.ptr, near);
    return fault_set(fault, "%.*s: no such command; help lists them",
                     (int)said.len, said.ptr);
}

/* ---- its argument -------------------------------------------------------- */

static bool misused(const struct row *row, struct fault *fault)
{
    return fault_set(fault, "Say it like this: %s",
                     row->usage ? row->usage : row->name);
}

static bool read_number(const struct row *row, const struct words *w,
                        struct order *out, struct fault *fault)
{
    struct slice word = w->at[w->count - 1];
    bool counts = row->takes == TAKES_COUNT;

    if (!text_int64(word, &out->number) || out->number < 1)
        return misused(row, fault);
    if (counts && out->number > COUNT_MAX)
        return fault_set(fault, "%.*s is too many: at most %d", (int)word.len,
                         word.ptr, COUNT_MAX);
    if (!counts && out->number > PROCESS_MAX)
        return fault_set(fault, "%.*s is no process id", (int)word.len,
                         word.ptr);
    return true;
}

/* "worker remove pid 12": when 12 could as well be how many. */
static void drop_pid_word(const struct row *row, struct words *w)
{
    if ((row->takes == TAKES_EITHER || row->takes == TAKES_WORKER) &&
        w->count == 2 && slice_is(w->at[0], "pid")) {
        w->at[0] = w->at[1];
        w->count = 1;
    }
}

static bool read_argument(const struct row *row, struct words *w,
                          struct order *out, struct fault *fault)
{
    size_t said = w->count;

    drop_pid_word(row, w);
    out->process = row->takes == TAKES_WORKER || w->count < said;
    if (row->takes == TAKES_NOTHING)
        return w->count == 0 || misused(row, fault);
    if (w->count > 1)
        return misused(row, fault);
    if (w->count == 0)
        return row->takes == TAKES_COUNT || row->takes == TAKES_EITHER ||
               misused(row, fault);
    if (row->takes != TAKES_ID)
        return read_number(row, w, out, fault);
    out->id = w->at[0];
    return true;
}

/* ---- the whole ----------------------------------------------------------- */

static void drop_words(struct words *w, size_t count)
{
    w->count -= count;
    memmove(w->at, w->at + count, w->count * sizeof *w->at);
}

static bool take_word(struct words *w, const char *word)
{
    bool there = w->count > 0 && slice_is(w->at[0], word);

    if (there)
        drop_words(w, 1);
    return there;
}

bool order_read(struct slice line, struct order *out, struct fault *fault)
{
    struct words w = {.count = 0};

    *out = (struct order){.verb = ORDER_STATUS, .number = 1};
    if (!cut(line, &w, fault))
        return false;
    out->json = take_word(&w, "json");
    out->at_once = take_word(&w, "at-once");
    if (w.count == 0) /* nothing said: how are you */
        return true;
    if (!find(&w, &out->verb))
        return say_near(&w, fault);
    drop_words(&w, words_of(rows[out->verb].name));
    return read_argument(&rows[out->verb], &w, out, fault);
}

void order_help(struct buf *out)
{
    for (unsigned i = 0; i < ORDERS; i++)
        if (rows[i].usage)
            buf_format(out, "%-24s %s\n", rows[i].usage, rows[i].help);
}
