/*
 * driver: a main() for fuzz targets, for machines without libFuzzer. Replays
 * every file of the folders named, then feeds seeded random mutations of
 * them: the same bytes on every run, so a failure can be repeated.
 *
 *     fuzz_NAME [-n rounds] [-s seed] folder-or-file…
 *
 * The input that ended the program is left beside it as fuzz_NAME.crash;
 * "fuzz_NAME -n 0 fuzz_NAME.crash" replays it alone.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SEEDS_MAX = 4096,
    INPUT_MAX = 64 * 1024, /* larger seeds are cut */
    ROUNDS = 20000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seed {
    uint8_t *bytes;
    size_t len;
};

static struct {
    struct seed seeds[SEEDS_MAX];
    size_t count;
    uint64_t random;
    uint8_t input[INPUT_MAX];
    size_t len;
    char crash[4096];
} fuzz;

/* What parsers stumble over: ends, numbers at limits, quotes, framing. */
static const char *const tokens[] = {
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    ":",
    ": ",
    " ",
    "\t",
    "%00",
    "%",
    "%2e%2e/",
    "//",
    "/../",
    "?",
    "&",
    "=",
    "\"",
    "'",
    "\\",
    ";",
    "{",
    "}",
    "[",
    "]",
    ",",
    "-- ",
    "/*",
    "*/",
    "@param ",
    ":auth.user_id",
    "0",
    "-1",
    "9223372036854775808",
    "18446744073709551616",
    "ffffffffffffffff",
    "0\r\n\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: a\r\n",
    "HTTP/1.1",
    "1e999",
    "\xff",
    "\xc0\x80",
    "\xed\xa0\x80",
};

/* xorshift64*: good enough to stir bytes, the same everywhere. */
static uint64_t draw(uint64_t below)
{
    fuzz.random ^= fuzz.random >> 12;
    fuzz.random ^= fuzz.random << 25;
    fuzz.random ^= fuzz.random >> 27;
    return (fuzz.random * 2685821657736338717ull >> 16) % below;
}

static void seed_add(const char *path)
{
    if (fuzz.count == SEEDS_MAX)
        return;
    struct seed *s = &fuzz.seeds[fuzz.count];
    FILE *f = fopen(path, "rb");
    if (!f)
        return;
    s->bytes = malloc(INPUT_MAX);
    if (!s->bytes)
        abort();
    s->len = fread(s->bytes, 1, INPUT_MAX, f);
    fclose(f);
    fuzz.count++;
}

static int visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* In the order of names: the order of a folder is not the same everywhere. */
static void seeds_load(const char *path)
{
    struct dirent **names;
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISDIR(st.st_mode)) {
        seed_add(path);
        return;
    }
    int count = scandir(path, &names, visible, alphasort);
    for (int i = 0; i < count; i++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        seed_add(file);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

/* Puts `len` bytes in place of the `cut` bytes at `at`. */
static void patch(size_t at, size_t cut, const void *bytes, size_t len)
{
    if (cut > fuzz.len - at)
        cut = fuzz.len - at;
    if (fuzz.len - cut + len > INPUT_MAX)
        return;
    memmove(fuzz.input + at + len, fuzz.input + at + cut, fuzz.len - at - cut);
    memcpy(fuzz.input + at, bytes, len);
    fuzz.len = fuzz.len - cut + len;
}

static void mutate_once(void)
{
    uint8_t byte = (uint8_t)draw(256), part[256];
    size_t at = draw(fuzz.len + 1);
    size_t len = draw(sizeof part);
    const char *token = tokens[draw(sizeof tokens / sizeof *tokens)];
    switch (draw(6)) {
    case 0: patch(at, 1, &byte, 1); break;
    case 1: patch(at, draw(16), "", 0); break;
    case 2: patch(at, 0, token, strlen(token)); break;
    case 3: patch(at, strlen(token), token, strlen(token)); break;
    case 4: /* a part of itself, again */
        len = len < fuzz.len - at ? len : fuzz.len - at;
        memcpy(part, fuzz.input + at, len);
        patch(draw(fuzz.len + 1), 0, part, len);
        break;
    default: /* the beginning of this, the end of another */
        if (fuzz.count) {
            const struct seed *s = &fuzz.seeds[draw(fuzz.count)];
            size_t from = draw(s->len + 1);
            patch(at, INPUT_MAX, s->bytes + from, s->len - from);
        }
    }
}

/* Each round is a function of the seed and its number alone. */
static void round_make(uint64_t seed, uint64_t round)
{
    fuzz.random = (seed ^ (round + 1) * 0x9e3779b97f4a7c15ull) | 1;
    fuzz.len = 0;
    if (fuzz.count) {
        const struct seed *s = &fuzz.seeds[draw(fuzz.count)];
        memcpy(fuzz.input, s->bytes, s->len);
        fuzz.len = s->len;
    }
    for (uint64_t i = 1 + draw(8); i > 0; i--)
        mutate_once();
}

/* A copy of exactly its size, so that sanitizers see one byte too far. */
static void feed(void)
{
    uint8_t *exact = malloc(fuzz.len ? fuzz.len : 1);
    if (!exact)
        abort();
    memcpy(exact, fuzz.input, fuzz.len);
    alarm(10); /* seconds for one input; more is a hang */
    LLVMFuzzerTestOneInput(exact, fuzz.len);
    alarm(0);
    free(exact);
}

static void on_death(int signal_number)
{
    int fd = open(fuzz.crash, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0) {
        ssize_t n = write(fd, fuzz.input, fuzz.len);
        (void)n;
        close(fd);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Sanitizers end the program by abort() after their report, so that on_death
 * sees it; a signal they handle themselves is left to them. */
const char *__asan_default_options(void);  /* NOLINT: names are theirs */
const char *__ubsan_default_options(void); /* NOLINT */
const char *__asan_default_options(void)   /* NOLINT */
{
    return "abort_on_error=1";
}
const char *__ubsan_default_options(void) /* NOLINT */
{
    return "abort_on_error=1:print_stacktrace=1";
}

static void watch_for_death(const char *program)
{
    static const int signals[] = {SIGSEGV, SIGBUS,  SIGFPE,
                                  SIGILL,  SIGABRT, SIGALRM};
    struct sigaction now;
    snprintf(fuzz.crash, sizeof fuzz.crash, "%s.crash", program);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            signal(signals[i], on_death);
}

int main(int argc, char **argv)
{
    uint64_t rounds = ROUNDS, seed = 1;
    int option;
    while ((option = getopt(argc, argv, "n:s:")) != -1)
        switch (option) {
        case 'n': rounds = strtoull(optarg, NULL, 10); break;
        case 's': seed = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    for (int i = optind; i < argc; i++)
        seeds_load(argv[i]);
    watch_for_death(argv[0]);
    for (size_t i = 0; i < fuzz.count; i++) {
        memcpy(fuzz.input, fuzz.seeds[i].bytes, fuzz.seeds[i].len);
        fuzz.len = fuzz.seeds[i].len;
        feed();
    }
    for (uint64_t i = 0; i < rounds; i++) {
        round_make(seed, i);
        feed();
    }
    printf("%zu seeds, %llu rounds\n", fuzz.count, (unsigned long long)rounds);
    for (size_t i = 0; i < fuzz.count; i++)
        free(fuzz.seeds[i].bytes);
    return 0;
}
