#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/log.h"
#include "master/address.h"
#include "master/daemon.h"

#include "master/listener.h"

enum { BOOT_TRIES = 5 };

/* One socket, in a block of its own: it may outlive the set that opened it. */
struct listener {
    struct arena *arena; /* holds this struct */
    unsigned sets;       /* that hold it; the last one closes it */
    int fd;
    struct address asked; /* before the kernel chose a port */
    char name[ADDRESS_NAME_MAX];
    dev_t device; /* of the unix socket file that we made */
    ino_t inode;  /* 0: none */
};

struct listeners {
    struct arena *arena;
    struct listener **at; /* the operators' stand last */
    int *fds;
    size_t count;
    size_t admin_count; /* of them */
    const char *names;
    const char *admin_names;
};

/* ---- one socket -------------------------------------------------------- */

/* Whether somebody accepts on that path. Full backlogs count as life. */
static bool answers(const struct address *a)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive =
        fd >= 0 && (connect(fd, (const struct sockaddr *)&a->sa, a->len) == 0 ||
                    errno == EAGAIN);

    if (fd >= 0)
        close(fd);
    return alive;
}

/* Removes a dead socket file; EADDRINUSE for a live one, and for anything
 * that is not a socket: that is somebody's file. */
static bool clear_path(const struct address *a)
{
    const char *path = address_path(a);
    struct stat st;

    if (path == NULL || lstat(path, &st) != 0)
        return true;
    if (S_ISSOCK(st.st_mode) && !answers(a))
        return unlink(path) == 0 || errno == ENOENT;
    errno = S_ISSOCK(st.st_mode) ? EADDRINUSE : EEXIST;
    return false;
}

static void set(int fd, int level, int option)
{
    int on = 1;

    /* None of them is worth a refusal to serve. */
    setsockopt(fd, level, option, &on, sizeof on);
}

/* Returns the descriptor, or -1 with errno set. */
static int bind_once(const struct address *a, const struct settings *s)
{
    if (!clear_path(a))
        return -1;
    int fd =
        socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR);
    if (a->sa.ss_family != AF_UNIX) {
        set(fd, IPPROTO_TCP, TCP_NODELAY);
        if (s->reuse_port)
            set(fd, SOL_SOCKET, SO_REUSEPORT);
    }
    if (bind(fd, (const struct sockaddr *)&a->sa, a->len) == 0 &&
        listen(fd, (int)s->backlog) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static int bind_patiently(const struct address *a, const struct settings *s,
                          const char *text, int tries)
{
    const struct timespec second = {.tv_sec = 1};

    for (;;) {
        int fd = bind_once(a, s);
        if (fd >= 0 || errno != EADDRINUSE)
            return fd;
        log_error("Connection in use: %s", text);
        if (--tries == 0) {
            errno = EADDRINUSE; /* the log may have changed it */
            return -1;
        }
        log_debug("Retrying in 1 second.");
        nanosleep(&second, NULL);
    }
}

static bool say_why(const char *text, struct fault *fault)
{
    if (errno == EADDRINUSE)
        return fault_set(fault, "Can't connect to %s", text);
    if (errno == EADDRNOTAVAIL)
        return fault_set(fault, "Invalid address: %s", text);
    return fault_set(fault, "connection to %s failed: %s", text,
                     strerror(errno));
}

static void remember_file(struct listener *l)
{
    const char *path = address_path(&l->asked);
    struct stat st;

    if (path == NULL)
        return;
    daemon_give(path);
    if (lstat(path, &st) == 0) {
        l->device = st.st_dev;
        l->inode = st.st_ino;
    }
}

static void adopt(int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    set(fd, IPPROTO_TCP, TCP_NODELAY); /* fails on a unix socket: as well */
}

static void listener_drop(struct listener *l)
{
    const char *path = address_path(&l->asked);
    struct stat st;

    if (--l->sets > 0)
        return;
    if (l->inode && lstat(path, &st) == 0 && st.st_dev == l->device &&
        st.st_ino == l->inode)
        unlink(path);
    close(l->fd);
    arena_free(l->arena);
}

static struct listener *listener_open(const struct address *asked,
                                      const struct settings *s,
                                      const char *text, int tries)
{
    bool given = asked->fd >= 0;
    int fd = given ? asked->fd : bind_patiently(asked, s, text, tries);

    if (fd < 0)
        return NULL;
    if (given)
        adopt(fd);
    struct arena *arena = arena_new();
    struct listener *l = arena_alloc(arena, sizeof *l);
    l->arena = arena;
    l->fd = fd;
    memcpy(&l->asked, asked, sizeof *asked);
    address_name(fd, l->name);
    if (!given)
        remember_file(l);
    return l;
}

/* ---- sets -------------------------------------------------------------- */

static struct listener *find(const struct listeners *set,
                             const struct address *asked)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (memcmp(&set->at[i]->asked, asked, sizeof *asked) == 0)
            return set->at[i];
    return NULL;
}

static void add(struct listeners *set, struct listener *l)
{
    l->sets++;
    set->fds[set->count] = l->fd;
    set->at[set->count++] = l;
}

/* Adds one address: shared with `present` if that has it, else opened. */
static bool gather(struct listeners *set, const struct listeners *present,
                   const struct settings *s, const char *text,
                   struct fault *fault)
{
    struct address asked;

    if (!address_parse(text, &asked, fault))
        return false;
    if (find(set, &asked))
        return fault_set(fault, "Invalid address: %s is bound twice", text);
    struct listener *l = find(present, &asked);
    if (l == NULL)
        l = listener_open(&asked, s, text, present ? 1 : BOOT_TRIES);
    else if (asked.fd < 0)
        listen(l->fd, (int)s->backlog); /* the backlog may be another now */
    if (l == NULL)
        return say_why(text, fault);
    add(set, l);
    return true;
}

/* An operator's "9100" is a port, and nobody else's business. */
static const char *admin_address(struct listeners *set, const char *text)
{
    bool bare = text[0] && text[strspn(text, "0123456789")] == '\0';

    return bare ? arena_format(set->arena, "127.0.0.1:%s", text) : text;
}

static bool gather_all(struct listeners *set, const struct listeners *present,
                       const struct settings *s, struct fault *fault)
{
    for (size_t i = 0; i < s->bind.count; i++)
        if (!gather(set, present, s, s->bind.at[i], fault))
            return false;
    for (size_t i = 0; i < s->admin_bind.count; i++)
        if (!gather(set, present, s, admin_address(set, s->admin_bind.at[i]),
                    fault))
            return false;
    set->admin_count = s->admin_bind.count;
    return true;
}

static const char *join_names(const struct listeners *set, size_t from,
                              size_t to)
{
    const char *names = "";

    for (size_t i = from; i < to; i++)
        names = arena_format(set->arena, "%s%s%s", names, i > from ? "," : "",
                             set->at[i]->name);
    return names;
}

struct listeners *listeners_next(const struct listeners *present,
                                 const struct settings *s, struct fault *fault)
{
    struct arena *arena = arena_new();
    struct listeners *set = arena_alloc(arena, sizeof *set);
    size_t most = s->bind.count + s->admin_bind.count;

    set->arena = arena;
    set->at = arena_alloc(arena, most * sizeof(void *));
    set->fds = arena_alloc(arena, most * sizeof *set->fds);
    if (!gather_all(set, present, s, fault)) {
        listeners_close(set);
        return NULL;
    }
    set->names = join_names(set, 0, s->bind.count);
    set->admin_names = join_names(set, s->bind.count, set->count);
    return set;
}

struct listeners *listeners_open(const struct settings *s, struct fault *fault)
{
    return listeners_next(NULL, s, fault);
}

void listeners_close(struct listeners *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->count; i++)
        listener_drop(l->at[i]);
    arena_free(l->arena);
}

const int *listeners_fds(const struct listeners *l, size_t *count,
                         size_t *admin_count)
{
    *count = l ? l->count : 0;
    *admin_count = l ? l->admin_count : 0;
    return l ? l->fds : NULL;
}

const char *listeners_names(const struct listeners *l)
{
    return l->names;
}

const char *listeners_admin_names(const struct listeners *l)
{
    return l->admin_names;
}

static void log_change(const char *what, const char *now, const char *before)
{
    if (*now && strcmp(now, before) != 0)
        log_info("%s at: %s (%d)", what, now, (int)getpid());
}

/* Whoever reaches it sees and clears what he likes. */
static void warn_public(const char *names)
{
    static const char *const private[] = {"http://127.", "http://[::1]",
                                          "unix:"};
    struct slice rest = slice_of(names);

    while (rest.len > 0) {
        struct slice name = slice_trim(slice_cut(&rest, ','));
        bool known = false;
        for (size_t i = 0; i < sizeof private / sizeof *private; i++)
            known |= strncmp(name.ptr, private[i], strlen(private[i])) == 0;
        if (!known)
            log_warning("Admin at %.*s is open to other machines, and asks "
                        "for no token",
                        (int)name.len, name.ptr);
    }
}

void listeners_log(const struct listeners *l, const struct listeners *before)
{
    if (l == NULL)
        return;
    log_change("Listening", l->names, before ? before->names : "");
    log_change("Admin", l->admin_names, before ? before->admin_names : "");
    if (before == NULL || strcmp(l->admin_names, before->admin_names) != 0)
        warn_public(l->admin_names);
}
