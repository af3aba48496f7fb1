#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "common/sandbox/landlock.h"

/* What came after ABI 1, which headers may not know yet
 * (docs.kernel.org/userspace-api/landlock.html). */
enum {
    ACCESS_REFER = 1 << 13,       /* ABI 2 */
    ACCESS_TRUNCATE = 1 << 14,    /* 3 */
    ACCESS_IOCTL_DEV = 1 << 15,   /* 5 */
    NET_BIND_TCP = 1 << 0,        /* 4 */
    NET_CONNECT_TCP = 1 << 1,     /* 4 */
    SCOPE_ABSTRACT_UNIX = 1 << 0, /* 6 */
    SCOPE_SIGNAL = 1 << 1,        /* 6 */

    RULE_NET_PORT = 2, /* 4 */

    ACCESS_ABI_1 = (1 << 13) - 1,
    READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    APPEND = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG,
    ROTATE = APPEND | LANDLOCK_ACCESS_FS_REMOVE_FILE,
    OF_FILES = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
               LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_TRUNCATE,
};

/* As the kernel has it since ABI 6; an older one takes what it does not know
 * as long as that is zero. */
struct attributes {
    uint64_t files;
    uint64_t net;
    uint64_t scope;
};

/* Since ABI 4; the port in the host's order. */
struct port_rule {
    uint64_t allowed;
    uint64_t port;
};

static uint64_t file_rights(int abi)
{
    uint64_t rights = ACCESS_ABI_1;

    if (abi >= 2)
        rights |= ACCESS_REFER;
    if (abi >= 3)
        rights |= ACCESS_TRUNCATE;
    if (abi >= 5)
        rights |= ACCESS_IOCTL_DEV;
    return rights;
}

bool landlock_begin(struct landlock *l)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
                       LANDLOCK_CREATE_RULESET_VERSION);

    *l = (struct landlock){.fd = -1};
    if (abi < 1)
        return false;
    const struct attributes all = {
        .files = file_rights((int)abi),
        .net = abi >= 4 ? NET_BIND_TCP | NET_CONNECT_TCP : 0,
        .scope = abi >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0,
    };
    l->fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (l->fd < 0)
        return false;
    l->abi = (int)abi;
    return true;
}

bool landlock_allow(const struct landlock *l, int fd, enum landlock_use use)
{
    static const uint64_t rights[LANDLOCK_USES] = {
        [LANDLOCK_READ] = READ,
        [LANDLOCK_APPEND] = APPEND,
        [LANDLOCK_ROTATE] = ROTATE,
        [LANDLOCK_DATA] = READ | ROTATE | ACCESS_TRUNCATE,
        [LANDLOCK_RUN] = READ | LANDLOCK_ACCESS_FS_EXECUTE,
    };
    struct landlock_path_beneath_attr rule = {.parent_fd = fd};
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    rule.allowed_access = rights[use] & file_rights(l->abi);
    if (!S_ISDIR(st.st_mode)) /* it refuses what makes no sense */
        rule.allowed_access &= OF_FILES;
    return syscall(SYS_landlock_add_rule, l->fd, LANDLOCK_RULE_PATH_BENEATH,
                   &rule, 0) == 0;
}

bool landlock_allow_port(const struct landlock *l, uint16_t port)
{
    const struct port_rule rule = {NET_CONNECT_TCP, port};

    return l->abi < 4 ||
           syscall(SYS_landlock_add_rule, l->fd, RULE_NET_PORT, &rule, 0) == 0;
}

bool landlock_enter(struct landlock *l)
{
    bool ok = syscall(SYS_landlock_restrict_self, l->fd, 0) == 0;
    int reason = errno;

    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    errno = reason;
    return ok;
}
