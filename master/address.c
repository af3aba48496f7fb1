#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "common/unixpath.h"

#include "master/address.h"

static bool parse_unix(struct slice path, struct address *out,
                       struct fault *fault)
{
    if (path.len > 2 && memcmp(path.ptr, "//", 2) == 0) /* unix://PATH */
        path = (struct slice){path.ptr + 2, path.len - 2};
    if (!unixpath_address(path, (struct sockaddr_un *)&out->sa))
        return fault_set(fault,
                         "Invalid address: unix:%.*s: a path has 1 to "
                         "%d bytes",
                         (int)path.len, path.ptr, UNIXPATH_MAX);
    out->len = sizeof(struct sockaddr_un);
    return true;
}

bool address_listens(int fd)
{
    int listening = 0;
    socklen_t size = sizeof listening;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 &&
           listening;
}

static bool parse_fd(struct slice number, struct address *out,
                     struct fault *fault)
{
    int64_t fd;

    if (!text_int64(number, &fd) || fd < 0 || fd > INT32_MAX)
        return fault_set(fault, "Invalid address: fd://%.*s", (int)number.len,
                         number.ptr);
    out->fd = (int)fd;
    if (!address_listens(out->fd))
        return fault_set(fault,
                         "Invalid address: fd://%d is no listening "
                         "socket",
                         out->fd);
    return true;
}

/* "HOST", "HOST:PORT", "[V6]", "[V6]:PORT" into its two texts. */
static bool split(const char *text, char host[256], char port[8])
{
    bool v6 = text[0] == '[';
    const char *end = strchr(text, v6 ? ']' : ':');
    const char *rest = end && v6 ? end + 1 : end;
    size_t len = end ? (size_t)(end - text) - v6 : strlen(text);

    if ((v6 && end == NULL) || len >= 256)
        return false;
    memcpy(host, text + v6, len);
    host[len] = '\0';
    if (rest == NULL || *rest == '\0')
        rest = ":8000";
    int64_t number;
    if (*rest != ':' || !text_int64(slice_of(rest + 1), &number) ||
        number < 0 || number > 65535)
        return false;
    snprintf(port, 8, "%d", (int)number);
    return true;
}

/*
 * A name or an empty host is looked up as IPv4, as Gunicorn does: "localhost"
 * is then 127.0.0.1 whatever order the resolver likes.
 */
static bool parse_tcp(const char *text, struct address *out,
                      struct fault *fault)
{
    char host[256];
    char port[8];
    struct addrinfo hints = {
        .ai_family = text[0] == '[' ? AF_INET6 : AF_INET,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    struct addrinfo *found;

    if (!split(text, host, port))
        return fault_set(fault, "Invalid address: %s", text);
    int failed = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (failed)
        return fault_set(fault, "Invalid address: %s: %s", text,
                         gai_strerror(failed));
    memcpy(&out->sa, found->ai_addr, found->ai_addrlen);
    out->len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

bool address_parse(const char *text, struct address *out, struct fault *fault)
{
    memset(out, 0, sizeof *out);
    out->fd = -1;
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(slice_of(text + 5), out, fault);
    if (strncmp(text, "fd://", 5) == 0)
        return parse_fd(slice_of(text + 5), out, fault);
    return parse_tcp(text, out, fault);
}

const char *address_path(const struct address *a)
{
    return a->sa.ss_family == AF_UNIX
               ? ((const struct sockaddr_un *)&a->sa)->sun_path
               : NULL;
}

void address_name(int fd, char name[ADDRESS_NAME_MAX])
{
    struct sockaddr_storage sa = {0};
    socklen_t len = sizeof sa;
    char host[64];
    char port[8];

    getsockname(fd, (struct sockaddr *)&sa, &len);
    if (sa.ss_family == AF_UNIX)
        snprintf(name, ADDRESS_NAME_MAX, "unix:%s",
                 ((struct sockaddr_un *)&sa)->sun_path);
    else if (getnameinfo((struct sockaddr *)&sa, len, host, sizeof host, port,
                         sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(name, ADDRESS_NAME_MAX,
                 sa.ss_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s",
                 host, port);
    else
        snprintf(name, ADDRESS_NAME_MAX, "fd://%d", fd);
}
