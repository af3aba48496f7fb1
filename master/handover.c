#include <limits.h>
#include <string.h>

#include "master/handover.h"

/* ---- reading ----------------------------------------------------------- */

/* Where a text is read into. */
struct reading {
    struct arena *arena;
    struct handover *out;
    struct fault *fault;
    int *bells;
    struct handed_socket *sockets;
};

static bool refuse(const struct reading *r, struct slice line)
{
    return fault_set(r->fault, HANDOVER_FD ": \"%.*s\" is not understood",
                     (int)line.len, line.ptr);
}

static bool read_fd(struct slice word, int *fd)
{
    int64_t number;

    if (!text_int64(word, &number) || number < 0 || number >= HANDOVER_FD_MAX)
        return false;
    *fd = (int)number;
    return true;
}

/* The rest of a line with a single descriptor, given once. */
static bool read_one(struct slice rest, int *fd)
{
    return *fd < 0 && read_fd(rest, fd);
}

static bool read_bells(struct reading *r, struct slice rest)
{
    struct handover *h = r->out;

    if (h->bell_count > 0 || rest.len == 0)
        return false;
    while (rest.ptr) {
        r->bells =
            arena_grow(r->arena, r->bells, h->bell_count, sizeof *r->bells);
        if (!read_fd(slice_cut(&rest, ' '), &r->bells[h->bell_count++]))
            return false;
    }
    h->bells = r->bells;
    return true;
}

static bool read_socket(struct reading *r, struct slice rest)
{
    struct handover *h = r->out;
    struct handed_socket s;

    if (!read_fd(slice_cut(&rest, ' '), &s.fd) || rest.len == 0)
        return false;
    s.asked = arena_text(r->arena, rest);
    r->sockets =
        arena_grow(r->arena, r->sockets, h->socket_count, sizeof *r->sockets);
    r->sockets[h->socket_count++] = s;
    h->sockets = r->sockets;
    return true;
}

static bool read_control(struct reading *r, struct slice rest)
{
    struct handed_socket *control = &r->out->control;

    if (!read_one(slice_cut(&rest, ' '), &control->fd) || rest.len == 0)
        return false;
    control->asked = arena_text(r->arena, rest);
    return true;
}

static bool read_line(struct reading *r, struct slice line)
{
    struct slice rest = line;
    struct slice word = slice_cut(&rest, ' ');

    if (slice_is(word, "life"))
        return read_one(rest, &r->out->life);
    if (slice_is(word, "segment"))
        return read_one(rest, &r->out->segment);
    if (slice_is(word, "bell"))
        return read_one(rest, &r->out->bell);
    if (slice_is(word, "bells"))
        return read_bells(r, rest);
    if (slice_is(word, "listen"))
        return read_socket(r, rest);
    if (slice_is(word, "control"))
        return read_control(r, rest);
    if (slice_is(word, "word"))
        return read_one(rest, &r->out->word);
    return word.len > 0;
}

/* Taken over twice, it would be closed twice. */
static bool are_apart(const struct reading *r)
{
    int *fds;
    size_t count = handover_fds(r->out, r->arena, &fds);

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (fds[i] == fds[j])
                return fault_set(r->fault, HANDOVER_FD ": %d is given twice",
                                 fds[i]);
    return true;
}

static bool read_pid(const char *text, pid_t *pid)
{
    int64_t number;

    if (!text_int64(slice_of(text), &number) || number < 1 || number > INT_MAX)
        return false;
    *pid = (pid_t)number;
    return true;
}

bool handover_parse(const char *pid, const char *fds, struct arena *arena,
                    struct handover *out, struct fault *fault)
{
    struct reading r = {.arena = arena, .out = out, .fault = fault};
    struct slice rest = slice_of(fds);

    handover_none(out);
    if (!read_pid(pid, &out->from))
        return fault_set(fault, HANDOVER_PID ": \"%s\" is no process", pid);
    while (rest.len > 0) {
        struct slice line = slice_cut(&rest, '\n');
        if (!read_line(&r, line))
            return refuse(&r, line);
    }
    if (out->life < 0)
        return fault_set(fault, HANDOVER_FD ": \"life\" is not given");
    return are_apart(&r);
}

void handover_none(struct handover *h)
{
    *h = (struct handover){.life = -1,
                           .segment = -1,
                           .bell = -1,
                           .word = -1,
                           .control = {.fd = -1}};
}

/* ---- writing ----------------------------------------------------------- */

static void write_one(struct buf *to, const char *word, int fd)
{
    if (fd >= 0)
        buf_format(to, "%s %d\n", word, fd);
}

static void write_socket(struct buf *to, const char *word,
                         const struct handed_socket *s)
{
    if (s->fd >= 0 && strchr(s->asked, '\n') == NULL)
        buf_format(to, "%s %d %s\n", word, s->fd, s->asked);
}

void handover_write(const struct handover *h, struct buf *to)
{
    write_one(to, "life", h->life);
    write_one(to, "segment", h->segment);
    write_one(to, "bell", h->bell);
    if (h->bell_count > 0)
        buf_format(to, "bells");
    for (size_t i = 0; i < h->bell_count; i++)
        buf_format(to, " %d", h->bells[i]);
    if (h->bell_count > 0)
        buf_format(to, "\n");
    for (size_t i = 0; i < h->socket_count; i++)
        write_socket(to, "listen", &h->sockets[i]);
    write_socket(to, "control", &h->control);
    write_one(to, "word", h->word);
}

size_t handover_fds(const struct handover *h, struct arena *arena, int **fds)
{
    const int single[] = {h->life, h->segment, h->bell, h->word, h->control.fd};
    const size_t singles = sizeof single / sizeof *single;
    size_t most = singles + h->bell_count + h->socket_count;
    int *all = arena_alloc(arena, most * sizeof *all);
    size_t count = 0;

    for (size_t i = 0; i < singles; i++)
        if (single[i] >= 0)
            all[count++] = single[i];
    for (size_t i = 0; i < h->bell_count; i++)
        all[count++] = h->bells[i];
    for (size_t i = 0; i < h->socket_count; i++)
        all[count++] = h->sockets[i].fd;
    *fds = all;
    return count;
}
