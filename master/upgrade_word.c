#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "master/unixsocket.h"
#include "master/upgrade_private.h"

/*
 * A line each: "control" when it has taken the operators' socket over, "ready"
 * when all of its workers serve, "failed WHY" when it ends before. Who reads is
 * in no hurry and who writes never waits: an older or younger master that says
 * nothing of the kind is followed and follows all the same.
 */
static const char failed[] = "failed";

/* ---- being the second ---------------------------------------------------- */

/* The pipe is empty and holds at least a page (pipe(7)), so a line is written
 * whole or, when nobody reads any more, not at all. */
void upgrade_word_say(struct upgrade *u, const char *word, const char *rest)
{
    char line[UPGRADE_WORDS / 2];

    if (u == NULL || u->given.word < 0)
        return;
    struct buf text = {0};
    buf_format(&text, "%s%s%s", word, *rest ? " " : "", rest);
    size_t len = text.len < sizeof line - 1 ? text.len : sizeof line - 1;
    memcpy(line, text.data, len);
    for (size_t i = 0; i < len; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    line[len] = '\n';
    ssize_t ignored = write(u->given.word, line, len + 1);
    (void)ignored;
    buf_free(&text);
}

static void hang_up(struct upgrade *u)
{
    close(u->given.word);
    u->given.word = -1;
}

void upgrade_say_ready(struct upgrade *u)
{
    if (u == NULL || u->given.word < 0)
        return;
    upgrade_word_say(u, "ready", "");
    hang_up(u);
}

void upgrade_say_failed(struct upgrade *u, const char *why)
{
    if (u == NULL || u->given.word < 0)
        return;
    upgrade_word_say(u, failed, why);
    hang_up(u);
}

bool upgrade_control(struct upgrade *u, struct unixsocket *socket,
                     const char **path)
{
    if (!upgrade_follows(u) || u->given.control.fd < 0)
        return false;
    *path = u->given.control.asked;
    unixsocket_take(socket, u->given.control.fd, *path);
    u->given.control.fd = -1;
    upgrade_word_say(u, "control", "");
    return true;
}

/* ---- having one ---------------------------------------------------------- */

static bool said(const struct upgrade *u, const char *word, struct slice *rest)
{
    struct slice text = {u->heard, u->heard_len};

    while (text.len > 0) {
        struct slice line = slice_cut(&text, '\n');
        if (text.ptr == NULL) /* it is not complete */
            return false;
        *rest = line;
        if (slice_is(slice_cut(rest, ' '), word))
            return true;
    }
    return false;
}

void upgrade_word_hear(struct upgrade *u)
{
    struct slice rest;
    ssize_t n;

    if (u->hear.fd < 0)
        return;
    do {
        n = read(u->hear.fd, u->heard + u->heard_len,
                 sizeof u->heard - u->heard_len);
        u->heard_len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    u->successor_ready = said(u, "ready", &rest);
    u->successor_listens = said(u, "control", &rest);
    if (n == 0) /* its end, or there is no room for more */
        upgrade_word_close(u);
}

static void on_word(void *self, unsigned events)
{
    (void)events;
    upgrade_word_hear(self);
}

void upgrade_word_close(struct upgrade *u)
{
    if (u->hear.fd < 0)
        return;
    loop_del(u->hear_loop, &u->hear);
    close(u->hear.fd);
    u->hear.fd = -1;
}

void upgrade_word_open(struct upgrade *u, struct loop *loop, int *fd)
{
    int ends[2];

    *fd = -1;
    u->heard_len = 0;
    u->successor_ready = u->successor_listens = false;
    u->failure.text[0] = '\0';
    if (loop == NULL || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return;
    u->hear = (struct watch){.fn = on_word, .self = u, .fd = ends[0]};
    u->hear_loop = loop;
    if (!loop_add(loop, &u->hear, LOOP_READ)) {
        u->hear.fd = -1;
        close(ends[0]);
        close(ends[1]);
        return;
    }
    *fd = ends[1];
}

struct slice upgrade_word_why(struct upgrade *u)
{
    struct slice why;

    upgrade_word_hear(u);
    return said(u, failed, &why) ? why : SLICE("the log may tell why");
}

bool upgrade_successor_ready(const struct upgrade *u)
{
    return u && u->successor && u->successor_ready;
}

bool upgrade_successor_listens(const struct upgrade *u)
{
    return u && u->successor && u->successor_listens;
}
