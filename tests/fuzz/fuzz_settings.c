/*
 * Settings from hostile text. An input is, up to its first NUL, the value of
 * PRONG_CMD_ARGS; behind it, a file of settings. What loads must print as a
 * file that loads again and prints the same.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/settings/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file in memory; its path, as any process of this name sees it, in out. */
static int memory_file(const void *bytes, size_t size, char out[32])
{
    int fd = memfd_create("prong.conf", MFD_CLOEXEC);

    assert(fd >= 0);
    assert(write(fd, bytes, size) == (ssize_t)size);
    snprintf(out, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* settings_load without what it prints: --help in an input is fine, and nobody
 * wants to see it. */
static enum settings_outcome load(int argc, char **argv, struct settings **out,
                                  struct fault *fault)
{
    static FILE *nowhere;
    FILE *screen = stdout;

    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    stdout = nowhere;
    enum settings_outcome outcome = settings_load(argc, argv, out, fault);
    stdout = screen;
    return outcome;
}

/* What the settings of that file print as; null when they do not load. The
 * -c here goes before one in PRONG_CMD_ARGS, so no other file is read. */
static char *load_and_print(const void *bytes, size_t size)
{
    char path[32];
    int fd = memory_file(bytes, size, path);
    char program[] = "prong";
    char flag[] = "-c";
    char *argv[] = {program, flag, path, NULL};
    struct settings *s;
    struct fault fault = {0};
    char *text = NULL;
    size_t len;

    enum settings_outcome outcome = load(3, argv, &s, &fault);
    assert((outcome == SETTINGS_OK) == (s != NULL));
    assert(outcome != SETTINGS_BAD || fault.text[0] != '\0');
    if (s) {
        FILE *to = open_memstream(&text, &len);
        settings_print(s, to);
        fclose(to);
    }
    settings_free(s);
    close(fd);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t args = strnlen((const char *)data, size);
    size_t file = args < size ? args + 1 : size;
    char *line = strndup((const char *)data, args);

    setenv("PRONG_CMD_ARGS", line, 1);
    char *first = load_and_print(data + file, size - file);
    unsetenv("PRONG_CMD_ARGS");
    if (first) {
        char *second = load_and_print(first, strlen(first));
        assert(second && strcmp(first, second) == 0);
        free(second);
    }
    free(first);
    free(line);
    return 0;
}
