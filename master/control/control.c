#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "master/control/control_client.h"

#include "master/control/control.h"

enum {
    LOOK_MS = 1000, /* between two looks at the socket's file */
    LAST_MS = 200,  /* at the end, for those who have just connected */
    BACKLOG = 128,
};

struct control {
    struct control_desk desk;
    char *path;   /* where it should listen; null: nowhere */
    pid_t former; /* the master that this one follows; 0: none */
    mode_t mode;
    struct unixsocket socket;
    struct unixsocket heirloom; /* the former master's, as long as it is */
    char *heirloom_path;
    bool passed_on; /* another master removes the file */
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

/* When one more can be served. */
static uint64_t room_ms(struct control *c)
{
    const struct client *slowest = find_slowest(c);

    if (find(c, CLIENT_FREE))
        return c->again_ms;
    if (slowest == NULL)
        return UINT64_MAX;
    uint64_t free_ms = slowest->since_ms + CONTROL_HASTE_MS;
    return free_ms > c->again_ms ? free_ms : c->again_ms;
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

static bool is_open_to_others(const struct control *c)
{
    return (c->mode & (S_IWGRP | S_IWOTH)) != 0;
}

static void welcome(struct control *c, struct client *k, int fd)
{
    client_welcome(k, &c->desk, fd);
    if (k->state != CLIENT_ASKING || is_open_to_others(c) || k->call.uid == 0 ||
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
        if (loop_clock_ms() >= room_ms(c))
            client_drop(find_slowest(c));
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
    if (!c->full || loop_clock_ms() < room_ms(c))
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
    if (c->passed_on)
        unixsocket_leave(&c->socket);
    else
        unixsocket_remove(&c->socket);
}

/* Said once of a path. */
static void complain(struct control *c, int reason)
{
    if (c->complained)
        return;
    c->complained = true;
    if (reason == EADDRINUSE && c->former)
        log_info("Control socket: the former master (pid:%d) listens at %s; "
                 "this one does when that has left",
                 (int)c->former, c->path);
    else if (reason == EADDRINUSE)
        log_warning("Control socket: another server listens at %s; this one "
                    "does when that has left",
                    c->path);
    else if (reason == EEXIST)
        log_warning("There is no control socket: %s is there and no socket",
                    c->path);
    else
        log_warning("There is no control socket: %s: %s", c->path,
                    strerror(reason));
}

static void listen_on(struct control *c)
{
    c->full = false;
    c->listener =
        (struct watch){.fn = on_connection, .self = c, .fd = c->socket.fd};
    if (!loop_add(c->desk.loop, &c->listener, LOOP_READ)) {
        unixsocket_remove(&c->socket);
        return;
    }
    c->complained = false;
    log_info("Control socket: %s", c->path);
}

static void open_socket(struct control *c)
{
    if (unixsocket_make(&c->socket, c->path, c->mode, BACKLOG))
        listen_on(c);
    else
        complain(c, errno);
}

static bool is_same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
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

    c->mode = mode;
    if (c->path != path && !is_same(c->path, path))
        move(c, path);
    if (c->path == NULL || now_ms < c->look_ms)
        return;
    c->look_ms = now_ms + LOOK_MS;
    if (c->socket.fd >= 0 && unixsocket_stands(&c->socket))
        return;
    if (c->heirloom.fd >= 0 && is_same(c->heirloom_path, path)) {
        complain(c, EADDRINUSE);
        return;
    }
    close_socket(c); /* somebody has removed the file */
    open_socket(c);
}

/* ---- from one master to the next ----------------------------------------- */

void control_inherit(struct control *c, const struct unixsocket *socket,
                     const char *path)
{
    c->heirloom = *socket;
    c->heirloom_path = strdup(path);
}

/* Once more it is said to listen: so it is this process whose credentials those
 * who connect are shown (SO_PEERCRED). */
static void take_heirloom(struct control *c)
{
    c->socket = c->heirloom;
    unixsocket_none(&c->heirloom);
    if (unixsocket_stands(&c->socket) && /* the mode may be another by now */
        fchmodat(c->socket.folder, c->socket.name, c->mode, 0) != 0)
        log_warning("Control socket: its mode stays: %s", strerror(errno));
    if (listen(c->socket.fd, BACKLOG) == 0)
        listen_on(c);
    else
        unixsocket_remove(&c->socket);
}

void control_promote(struct control *c, const char *path, mode_t mode)
{
    c->former = 0;
    c->mode = mode;
    if (c->heirloom.fd < 0)
        return;
    if (!is_same(c->heirloom_path, path)) {
        unixsocket_remove(&c->heirloom);
        return;
    }
    if (!is_same(c->path, path))
        move(c, path);
    if (c->socket.fd < 0)
        take_heirloom(c);
}

int control_socket_of(const struct control *c, const char **path)
{
    *path = c->path;
    return c->socket.fd;
}

void control_pass_on(struct control *c)
{
    c->passed_on = true;
}

/* ---- the whole ----------------------------------------------------------- */

void control_tend(struct control *c)
{
    uint64_t now_ms = loop_clock_ms();

    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        client_tend(&c->clients[i], now_ms);
    resume_listening(c);
}

uint64_t control_next_ms(struct control *c)
{
    uint64_t next_ms = c->full ? room_ms(c) : UINT64_MAX;

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
    unixsocket_none(&c->socket);
    unixsocket_none(&c->heirloom);
    return c;
}

void control_free(struct control *c)
{
    if (c == NULL)
        return;
    uint64_t until_ms = loop_clock_ms() + LAST_MS;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        client_dismiss(&c->clients[i], until_ms);
    close_socket(c);
    unixsocket_leave(&c->heirloom);
    free(c->heirloom_path);
    free(c->path);
    free(c);
}
