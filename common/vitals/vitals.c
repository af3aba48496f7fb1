#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/segment/heritage.h"

#include "common/vitals/vitals.h"

/* A small file as text; "" when it cannot be read. */
static void read_text(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);

    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
}

/* The number in a line "Pss:      1234 kB"; `key` is "\nPss:". */
static uint64_t field_kb(const char *path, const char *key)
{
    char text[4096];

    read_text(path, text, sizeof text);
    const char *line = strstr(text, key);
    return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}

/* "size resident shared …", in pages. */
static uint64_t resident_kb(void)
{
    char text[128];

    read_text("/proc/self/statm", text, sizeof text);
    const char *second = strchr(text, ' ');
    uint64_t pages = second ? strtoull(second, NULL, 10) : 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

/* Without the one it takes to count them. When it cannot be had, all that are
 * allowed are in use. */
static uint32_t descriptors(void)
{
    DIR *open_now = opendir("/proc/self/fd");
    struct rlimit limit = {0};
    uint32_t count = 0;

    if (open_now == NULL) {
        getrlimit(RLIMIT_NOFILE, &limit);
        return (uint32_t)limit.rlim_cur;
    }
    for (struct dirent *d; (d = readdir(open_now)) != NULL;)
        count += d->d_name[0] != '.';
    closedir(open_now);
    return count > 0 ? count - 1 : 0;
}

static uint64_t microseconds(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

void vitals_take(struct vitals *out)
{
    struct rusage used = {0};

    getrusage(RUSAGE_SELF, &used);
    out->cpu_us = microseconds(used.ru_utime) + microseconds(used.ru_stime);
    /* Not ru_maxrss at first: that one remembers the program which this one
     * was executed from. */
    out->peak_kb = field_kb("/proc/self/status", "\nVmHWM:");
    if (out->peak_kb == 0)
        out->peak_kb = (uint64_t)used.ru_maxrss;
    out->descriptors = descriptors();
    out->pss_kb = field_kb("/proc/self/smaps_rollup", "\nPss:");
    if (out->pss_kb == 0)
        out->pss_kb = resident_kb();
    if (out->pss_kb == 0) /* no descriptor was left to look with */
        out->pss_kb = out->peak_kb;
}

void vitals_tell(struct slot *slot)
{
    struct vitals own;

    vitals_take(&own);
    atomic_store_explicit(&slot->cpu_us, own.cpu_us, memory_order_relaxed);
    atomic_store_explicit(&slot->pss_kb, own.pss_kb, memory_order_relaxed);
    atomic_store_explicit(&slot->peak_kb, own.peak_kb, memory_order_relaxed);
    atomic_store_explicit(&slot->descriptors, own.descriptors,
                          memory_order_relaxed);
}
