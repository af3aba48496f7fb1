#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "master/control/control_client.h"
#include "master/control/control_socket.h"

#include "master/control/control.h"

enum { LOOK_MS = 1000 }; /* between two looks at the socket's file */

struct control {
    struct control_desk desk;
    char *path;   /* where it should listen; null: nowhere */
    pid_t former; /* the master that this one follows; 0: none */
    struct control_socket socket;
    struct watch listener;
    uint64_t look_ms;  /* the next look is due */
    bool complained;   /* about that path */
    bool full;         /* not accepting until there is room */
    uint64_t again_ms; /* not accepting until then: no descriptors */
    uint64_t warned_ms;
    struct client clients[CONTROL_CLIENTS];
};

/* ---- accepting ----------------------------------------------------------- */

static struct client *find(struct control *c, enum client_state state)
{
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        if (c->clients[i].state == state)
            return &c->clients[i];
    return NULL;
}

/* Whoever has been asking or reading longest; those who wait do so for us. */
static struct client *find_slowest(struct control *c)
{
    struct client *slowest = NULL;

    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *k = &c->clients[i];
        if ((k->state == CLIENT_ASKING || k->state == CLIENT_TOLD) &&
            (slowest == NULL || k->since_ms < slowest->since_ms))
            slowest = k;
    }
    return slowest;
}

/* Events of the listener are levels: they would come again at once. */
static void pause_listening(struct control *c)
{
    loop_change(c->desk.loop, &c->listener, 0);
    c->full = true;
}

static void warn_of(struct control *c, const struct control_call *call)
{
    uint64_t now_ms = loop_clock_ms();

    if (c->warned_ms && now_ms - c->warned_ms < LOOK_MS)
        return;
    c->warned_ms = now_ms;
    log_warning("Control socket: user %u (pid:%d) was refused",
                (unsigned)call->uid, (int)call->pid);
}

static void welcome(struct control *c, struct client *k, int fd)
{
    client_welcome(k, &c->desk, fd);
    if (k->state != CLIENT_ASKING || k->call.uid == 0 ||
        k->call.uid == geteuid())
        return;
    warn_of(c, &k->call);
    client_refuse(k,
                  "Only the user that the server runs as, and root, are heard");
}

/* One a turn: the others come with the next. */
static void on_connection(void *self, unsigned events)
{
    struct control *c = self;
    struct client *k = find(c, CLIENT_FREE);

    (void)events;
    if (k == NULL) {
        struct client *slowest = find_slowest(c);
        if (slowest)
            client_drop(slowest);
        pause_listening(c);
        return;
    }
    int fd = accept4(c->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
        welcome(c, k, fd);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        c->again_ms = loop_clock_ms() + LOOK_MS;
        pause_listening(c);
    }
}

static void resume_listening(struct control *c)
{
    if (!c->full || loop_clock_ms() < c->again_ms ||
        find(c, CLIENT_FREE) == NULL)
        return;
    c->full = false;
    loop_change(c->desk.loop, &c->listener, LOOP_READ);
}

/* ---- the socket ---------------------------------------------------------- */

static void close_socket(struct control *c)
{
    if (c->socket.fd < 0)
        return;
    loop_del(c->desk.loop, &c->listener);
    control_socket_remove(&c->socket);
}

static void complain(struct control *c, enum control_made made,
                     const struct fault *fault)
{
    if (c->complained)
        return;
    c->complained = true;
    if (made == CONTROL_TAKEN && c->former)
        log_info("Control socket: the former master (pid:%d) listens at %s; "
                 "this one does when that has left",
                 (int)c->former, c->path);
    else if (made == CONTROL_TAKEN)
        log_warning("Control socket: another server listens at %s; this one "
                    "does when that has left",
                    c->path);
    else
        log_warning("There is no control socket: %s", fault->text);
}

static void open_socket(struct control *c, mode_t mode)
{
    struct fault fault = {""};
    enum control_made made =
        control_socket_make(&c->socket, c->path, mode, &fault);

    c->full = false;
    if (made != CONTROL_MADE) {
        complain(c, made, &fault);
        return;
    }
    c->listener =
        (struct watch){.fn = on_connection, .self = c, .fd = c->socket.fd};
    if (!loop_add(c->desk.loop, &c->listener, LOOP_READ)) {
        control_socket_remove(&c->socket);
        return;
    }
    c->complained = false;
    log_info("Control socket: %s", c->path);
}

static bool is_there(const struct control *c, const char *path)
{
    return c->path && path && strcmp(c->path, path) == 0;
}

static void move(struct control *c, const char *path)
{
    close_socket(c);
    free(c->path);
    c->path = path ? strdup(path) : NULL;
    c->complained = false;
    c->look_ms = 0;
}

void control_follow(struct control *c, pid_t former)
{
    c->former = former;
}

void control_use(struct control *c, const char *path, mode_t mode)
{
    uint64_t now_ms = loop_clock_ms();

    if (c->path != path && !is_there(c, path))
        move(c, path);
    if (c->path == NULL || now_ms < c->look_ms)
        return;
    c->look_ms = now_ms + LOOK_MS;
    if (control_socket_stands(&c->socket))
        return;
    close_socket(c); /* somebody has removed the file */
    open_socket(c, mode);
}

/* ---- the whole ----------------------------------------------------------- */

void control_tend(struct control *c)
{
    uint64_t now_ms = loop_clock_ms();

    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        client_tend(&c->clients[i], now_ms);
    resume_listening(c);
}

uint64_t control_next_ms(const struct control *c)
{
    uint64_t next_ms = UINT64_MAX;

    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        const struct client *k = &c->clients[i];
        if (k->state == CLIENT_GONE && c->full)
            return 0;
        if (k->state != CLIENT_FREE && k->state != CLIENT_GONE &&
            k->until_ms < next_ms)
            next_ms = k->until_ms;
    }
    return next_ms;
}

struct control *control_new(struct loop *loop, control_answer *answer,
                            void *self)
{
    struct control *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->desk = (struct control_desk){loop, answer, self};
    c->socket.fd = c->socket.folder = -1;
    return c;
}

void control_free(struct control *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        client_dismiss(&c->clients[i]);
    close_socket(c);
    free(c->path);
    free(c);
}
