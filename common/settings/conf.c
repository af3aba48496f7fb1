#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/settings/conf.h"

enum {
    LINE_ROOM = 4096, /* a line, its end and NUL; inih keeps it on the stack */
    READ_CHUNK = 4096,
};

/* Between our caller and inih, which counts no lines for its handlers. */
struct reader {
    const char *file;
    struct slice rest;
    int line; /* the one handed out last, from 1 */
    bool (*on_entry)(void *self, const struct conf_entry *entry,
                     struct fault *fault);
    void *self;
    struct fault *fault;
    bool refused; /* *fault holds a reason, yet without its place */
};

static void refuse(struct reader *r, const char *reason)
{
    r->refused = true;
    fault_set(r->fault, "%s", reason);
}

/* inih's fgets. Null ends the parse: at the end of the text, or at a line
 * that inih would cut in silence. */
static char *next_line(char *out, int room, void *self)
{
    struct reader *r = self;

    if (r->rest.ptr == NULL || r->rest.len == 0)
        return NULL;
    struct slice line = slice_cut(&r->rest, '\n');
    r->line++;
    if (line.len >= (size_t)room - 1) {
        refuse(r, "the line is longer than 4094 bytes");
        return NULL;
    }
    if (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL) {
        refuse(r, "a NUL byte in the line");
        return NULL;
    }
    if (line.len > 0)
        memcpy(out, line.ptr, line.len);
    out[line.len] = '\0';
    return out;
}

static int on_pair(void *self, const char *section, const char *key,
                   const char *value)
{
    struct reader *r = self;
    struct conf_entry entry = {section, key, value};

    r->refused = !r->on_entry(r->self, &entry, r->fault);
    return !r->refused;
}

/* inih's options are variables of its library; its defaults are Python's,
 * where "; " begins a comment inside a value and a line may be continued. */
static void choose_dialect(void)
{
    ini_max_line = LINE_ROOM;
    ini_allow_inline_comments = false;
    ini_allow_multiline = false;
    ini_stop_on_first_error = true;
}

bool conf_parse(const char *file, struct slice text,
                bool (*on_entry)(void *self, const struct conf_entry *entry,
                                 struct fault *fault),
                void *self, struct fault *fault)
{
    struct reader r = {.file = file,
                       .rest = text,
                       .on_entry = on_entry,
                       .self = self,
                       .fault = fault};

    choose_dialect();
    int result = ini_parse_stream(next_line, &r, on_pair, &r);
    if (result == 0 && !r.refused)
        return true;
    if (!r.refused)
        refuse(&r, "neither \"key = value\" nor \"[section]\"");
    struct fault reason = *fault;
    return fault_set(fault, "%s:%d: %s", r.file, r.line, reason.text);
}

/* False with errno when reading fails or there is more than `max`. */
static bool read_whole(int fd, size_t max, struct buf *out)
{
    while (out->len <= max) {
        ssize_t n = read(fd, buf_reserve(out, READ_CHUNK), READ_CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        out->len += (size_t)n;
    }
    errno = EFBIG;
    return false;
}

bool conf_slurp(struct arena *arena, const char *file, size_t max,
                struct slice *out, struct fault *fault)
{
    struct buf bytes = {0};
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return fault_set(fault, "%s: %s", file, strerror(errno));
    bool whole = read_whole(fd, max, &bytes);
    if (whole) {
        out->ptr = arena_text(arena, buf_view(&bytes));
        out->len = bytes.len;
    } else {
        fault_set(fault, "%s: %s", file, strerror(errno));
    }
    buf_free(&bytes);
    close(fd);
    return whole;
}
