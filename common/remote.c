#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/unixpath.h"

#include "common/remote.h"

enum {
    HOST_MAX = 255, /* bytes of a name, RFC 1035 2.3.4 */
    WORDS_MAX = 512,
    FOUND_MAX = 4, /* places that one process knows */
    /* A start looks twice at its settings; the second time is not worth a
     * question. */
    FRESH_S = 5,
};

/* ---- what the words say --------------------------------------------------*/

static bool cut_prefix(struct slice *s, const char *prefix)
{
    size_t len = strlen(prefix);

    if (s->len < len || memcmp(s->ptr, prefix, len) != 0)
        return false;
    *s = (struct slice){s->ptr + len, s->len - len};
    return true;
}

static bool parse_path(struct slice rest, struct remote_words *out,
                       struct fault *fault)
{
    out->host = slice_cut(&rest, '#');
    if (rest.ptr && slice_is(rest, "dgram"))
        out->way = REMOTE_UNIX_DGRAM;
    else if (rest.ptr && slice_is(rest, "stream"))
        out->way = REMOTE_UNIX_STREAM;
    else if (rest.ptr)
        return fault_set(fault, "behind # stands dgram or stream");
    if (out->host.len == 0 || out->host.len > UNIXPATH_MAX)
        return fault_set(fault, "a path has 1 to %d bytes", UNIXPATH_MAX);
    return true;
}

static bool parse_port(struct slice text, struct remote_words *out,
                       struct fault *fault)
{
    int64_t port;

    if (!text_int64(text, &port) || port < 1 || port > UINT16_MAX)
        return fault_set(fault, "a port is 1 to 65535");
    out->port = (uint16_t)port;
    return true;
}

/* "[::1]:514", "host:514", "host"; nothing at all is this machine. */
static bool parse_host(struct slice rest, struct remote_words *out,
                       struct fault *fault)
{
    bool bracket = rest.len > 0 && rest.ptr[0] == '[';

    if (bracket) {
        rest = (struct slice){rest.ptr + 1, rest.len - 1};
        out->host = slice_cut(&rest, ']');
        if (rest.ptr == NULL || (rest.len > 0 && rest.ptr[0] != ':'))
            return fault_set(fault, "an IPv6 address stands in [ and ]");
        rest = rest.len ? (struct slice){rest.ptr + 1, rest.len - 1}
                        : (struct slice){NULL, 0};
    } else {
        out->host = slice_cut(&rest, ':');
    }
    if (out->host.len == 0)
        out->host = SLICE("localhost");
    if (out->host.len > HOST_MAX || memchr(out->host.ptr, '/', out->host.len))
        return fault_set(fault, "not the name of a host");
    return rest.ptr == NULL || parse_port(rest, out, fault);
}

bool remote_parse(struct slice text, struct remote_words *out,
                  struct fault *fault)
{
    *out = (struct remote_words){.way = REMOTE_UDP};
    if (cut_prefix(&text, "unix://")) {
        out->way = REMOTE_UNIX;
        return parse_path(text, out, fault);
    }
    if (cut_prefix(&text, "tcp://"))
        out->way = REMOTE_TCP;
    else
        cut_prefix(&text, "udp://");
    return parse_host(text, out, fault);
}

/* ---- where that is -------------------------------------------------------*/

static const struct addrinfo *choose(const struct addrinfo *all)
{
    for (const struct addrinfo *a = all; a; a = a->ai_next)
        if (a->ai_family == AF_INET)
            return a;
    return all;
}

static bool resolve(const struct remote_words *words, struct remote *out,
                    struct fault *fault)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = remote_is_stream(out) ? SOCK_STREAM : SOCK_DGRAM,
        .ai_flags = AI_NUMERICSERV,
    };
    char host[HOST_MAX + 1];
    char port[8];
    struct addrinfo *all = NULL;

    snprintf(host, sizeof host, "%.*s", (int)words->host.len, words->host.ptr);
    snprintf(port, sizeof port, "%u", words->port);
    int code = getaddrinfo(host, port, &hints, &all);
    const struct addrinfo *a = code == 0 ? choose(all) : NULL;
    if (a == NULL)
        return fault_set(fault, "%s: %s", host, gai_strerror(code));
    memcpy(&out->sa, a->ai_addr, a->ai_addrlen);
    out->len = a->ai_addrlen;
    freeaddrinfo(all);
    return true;
}

static bool look_up(const char *text, uint16_t port, struct remote *out,
                    struct fault *fault)
{
    struct remote_words words;

    *out = (struct remote){.len = 0};
    if (!remote_parse(slice_of(text), &words, fault))
        return false;
    out->way = words.way;
    if (words.port == 0)
        words.port = port;
    if (words.way == REMOTE_UDP || words.way == REMOTE_TCP)
        return resolve(&words, out, fault);
    out->len = sizeof(struct sockaddr_un);
    return unixpath_address(words.host, (struct sockaddr_un *)&out->sa);
}

/* ---- what was found out --------------------------------------------------*/

static struct found {
    time_t when; /* CLOCK_MONOTONIC */
    pid_t by;
    uint16_t port; /* when the words name none */
    bool ok;
    char text[WORDS_MAX]; /* "": none */
    struct fault fault;   /* why not */
    struct remote is;
} found[FOUND_MAX];

static time_t now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static bool is_for(const struct found *f, const char *text, uint16_t port)
{
    return f->port == port && strcmp(f->text, text) == 0;
}

/* The one for these words, or else one in turn, to be overwritten. */
static struct found *place_for(const char *text, uint16_t port)
{
    static unsigned turn;

    for (size_t i = 0; i < FOUND_MAX; i++)
        if (is_for(&found[i], text, port))
            return &found[i];
    return &found[turn++ % FOUND_MAX];
}

/* Of those words. */
static bool still_holds(const struct found *f)
{
    return f->by == getppid() ||
           (f->by == getpid() && now_s() - f->when < FRESH_S);
}

static void find_out(struct found *f, const char *text, uint16_t port)
{
    struct remote is;
    bool known = is_for(f, text, port) && f->ok;
    bool ok = look_up(text, port, &is, &f->fault);

    if (ok)
        f->is = is;
    f->ok = ok || known; /* what was right once is better than nothing */
    f->by = getpid();
    f->when = now_s();
    f->port = port;
    snprintf(f->text, sizeof f->text, "%s", text);
}

bool remote_find(const char *text, uint16_t port, struct remote *out,
                 struct fault *fault)
{
    struct found *f = place_for(text, port);

    if (strlen(text) >= WORDS_MAX)
        return fault_set(fault, "an address has less than %d bytes", WORDS_MAX);
    if (!is_for(f, text, port) || !still_holds(f))
        find_out(f, text, port);
    *out = f->is;
    if (!f->ok)
        *fault = f->fault;
    return f->ok;
}

/* ---- a socket ------------------------------------------------------------*/

bool remote_is_stream(const struct remote *r)
{
    return r->way == REMOTE_TCP || r->way == REMOTE_UNIX_STREAM;
}

int remote_open(const struct remote *r)
{
    int type = remote_is_stream(r) ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(r->sa.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || r->way == REMOTE_UNIX || r->way == REMOTE_UNIX_DGRAM)
        return fd;
    if (connect(fd, (const struct sockaddr *)&r->sa, r->len) == 0 ||
        errno == EINPROGRESS)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}
