#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "common/sandbox/capabilities.h"

#define BIT(number) ((uint64_t)1 << (number))

const uint64_t capabilities_of_files =
    BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER);

const uint64_t capabilities_of_master =
    BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_KILL) |
    BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_NET_BIND_SERVICE);

struct sets {
    uint64_t effective, permitted, inheritable;
};

/* capget(2), version 3: two words of 32 bits each. */
static bool read_sets(struct sets *s)
{
    struct __user_cap_header_struct header = {.version =
                                                  _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    s->effective = data[0].effective | (uint64_t)data[1].effective << 32;
    s->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    s->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
    return true;
}

static bool write_sets(const struct sets *s)
{
    struct __user_cap_header_struct header = {.version =
                                                  _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct data[2] = {
        {(uint32_t)s->effective, (uint32_t)s->permitted,
         (uint32_t)s->inheritable},
        {(uint32_t)(s->effective >> 32), (uint32_t)(s->permitted >> 32),
         (uint32_t)(s->inheritable >> 32)},
    };

    return syscall(SYS_capset, &header, data) == 0;
}

uint64_t capabilities_permitted(void)
{
    struct sets s;

    return read_sets(&s) ? s.permitted : 0;
}

bool capabilities_use(uint64_t set)
{
    struct sets s;

    if (!read_sets(&s))
        return false;
    s.effective = set & s.permitted;
    return write_sets(&s);
}

/* Ends at the first number that the kernel does not know. */
static bool limit_bounding(uint64_t keep)
{
    for (unsigned n = 0; prctl(PR_CAPBSET_READ, n) >= 0; n++)
        if (!(keep & BIT(n)) && prctl(PR_CAPBSET_DROP, n) != 0)
            return false;
    return true;
}

/* The kernel takes from the ambient set whatever leaves one of the others. */
bool capabilities_limit(uint64_t keep)
{
    struct sets s;

    if (!read_sets(&s))
        return false;
    if (s.permitted & BIT(CAP_SETPCAP) &&
        (!capabilities_use(s.permitted) || !limit_bounding(keep)))
        return false;
    s.permitted &= keep;
    s.effective = s.permitted;
    s.inheritable &= keep;
    return write_sets(&s);
}
