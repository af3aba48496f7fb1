#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#include "master/listener_private.h"

enum { BOOT_TRIES = 5 };

struct listeners {
    struct arena *arena;
    struct listener **at; /* the operators' stand last */
    int *fds;
    struct handed_socket *handed;
    size_t count;
    size_t admin_count; /* of them */
    const char *names;
    const char *admin_names;
};

static bool say_why(const char *text, struct fault *fault)
{
    if (errno == EADDRINUSE)
        return fault_set(fault, "Can't connect to %s", text);
    if (errno == EADDRNOTAVAIL)
        return fault_set(fault, "Invalid address: %s", text);
    return fault_set(fault, "connection to %s failed: %s", text,
                     strerror(errno));
}

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
    set->handed[set->count] = (struct handed_socket){l->fd, l->text};
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

static struct listeners *set_new(size_t most)
{
    struct arena *arena = arena_new();
    struct listeners *set = arena_alloc(arena, sizeof *set);

    set->arena = arena;
    set->at = arena_alloc(arena, most * sizeof(void *));
    set->fds = arena_alloc(arena, most * sizeof *set->fds);
    set->handed = arena_alloc(arena, most * sizeof *set->handed);
    set->names = set->admin_names = "";
    return set;
}

struct listeners *listeners_next(const struct listeners *present,
                                 const struct settings *s, struct fault *fault)
{
    struct listeners *set = set_new(s->bind.count + s->admin_bind.count);

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

static bool take(struct listeners *set, const struct handed_socket *given,
                 struct fault *fault)
{
    struct address asked;

    if (!address_listens(given->fd))
        return fault_set(fault, "%s was not handed over: %d does not listen",
                         given->asked, given->fd);
    if (!address_parse(given->asked, &asked, fault))
        return false;
    add(set, listener_take(given->fd, &asked, given->asked));
    return true;
}

struct listeners *listeners_take(const struct handed_socket *sockets,
                                 size_t count, struct fault *fault)
{
    struct listeners *set = set_new(count);

    for (size_t i = 0; i < count; i++) {
        if (take(set, &sockets[i], fault))
            continue;
        while (i < count) /* those that are in the set go with it */
            close(sockets[i++].fd);
        listeners_close(set);
        return NULL;
    }
    return set;
}

const struct handed_socket *listeners_hand(const struct listeners *l,
                                           size_t *count)
{
    *count = l ? l->count : 0;
    return l ? l->handed : NULL;
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
