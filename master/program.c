#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

#include "master/program.h"

static const char self[] = "/proc/self/exe";

/* Without /proc there is nothing to compare with. */
static bool is_us(const char *path)
{
    struct stat here;
    struct stat there;

    return access(path, X_OK) == 0 && stat(path, &there) == 0 &&
           (stat(self, &here) != 0 ||
            (here.st_dev == there.st_dev && here.st_ino == there.st_ino));
}

static bool find_in_path(const char *name, char path[PATH_MAX])
{
    struct slice rest = slice_of(getenv("PATH"));

    while (rest.ptr) {
        struct slice folder = slice_cut(&rest, ':');
        if (folder.len == 0)
            folder = SLICE(".");
        int len = snprintf(path, PATH_MAX, "%.*s/%s", (int)folder.len,
                           folder.ptr, name);
        if (len < PATH_MAX && is_us(path))
            return true;
    }
    return false;
}

static bool ask_kernel(char path[PATH_MAX])
{
    ssize_t len = readlink(self, path, PATH_MAX - 1);

    if (len <= 0)
        return false;
    path[len] = '\0';
    return true;
}

char *program_find(const char *argv0)
{
    char path[PATH_MAX];

    if (argv0 && strchr(argv0, '/') && is_us(argv0))
        return strdup(argv0);
    if (argv0 && argv0[0] && strchr(argv0, '/') == NULL &&
        find_in_path(argv0, path))
        return strdup(path);
    return strdup(ask_kernel(path) ? path : argv0 ? argv0 : "");
}
