#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cpus.h"

static const char cgroup_root[] = "/sys/fs/cgroup";

int64_t cpus_of_quota(struct slice line)
{
    int64_t quota;
    int64_t period;

    if (!text_int64(slice_word(&line), &quota) ||
        !text_int64(slice_word(&line), &period) || line.len != 0 ||
        quota <= 0 || period <= 0)
        return 0;
    return quota / period + (quota % period != 0);
}

/* The first line of a small file without its end; false when there is none. */
static bool first_line(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return false;
    out[n] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return true;
}

/* Where the group of this process stands, as "/a/b"; "" at the root. The
 * unified hierarchy is the line "0::/a/b", whatever else is mounted. */
static void own_group(char *out, size_t size)
{
    char line[PATH_MAX];
    FILE *groups = fopen("/proc/self/cgroup", "re");

    *out = '\0';
    while (groups && fgets(line, sizeof line, groups) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0 && line[4] != '\0')
            snprintf(out, size, "%s", line + 3);
    }
    if (groups)
        fclose(groups);
}

/* The smallest quota from the own group up to the root; 0 for none. In a
 * container the upper groups are hidden, and the walk finds only its own. */
static int64_t smallest_quota(void)
{
    char group[PATH_MAX];
    char path[2 * PATH_MAX];
    char line[64];
    int64_t smallest = 0;

    own_group(group, sizeof group);
    for (char *end = group; end != NULL;) {
        snprintf(path, sizeof path, "%s%s/cpu.max", cgroup_root, group);
        if (first_line(path, line, sizeof line)) {
            int64_t here = cpus_of_quota(slice_of(line));
            if (here > 0 && (smallest == 0 || here < smallest))
                smallest = here;
        }
        end = strrchr(group, '/');
        if (end != NULL)
            *end = '\0';
    }
    return smallest;
}

int64_t cpus_usable(void)
{
    cpu_set_t allowed; /* 1024 processors; on more the call fails */
    bool known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
    int64_t count = known ? CPU_COUNT(&allowed) : sysconf(_SC_NPROCESSORS_ONLN);
    int64_t quota = smallest_quota();

    if (quota > 0 && quota < count)
        count = quota;
    return count > 0 ? count : 1;
}
