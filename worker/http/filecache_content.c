#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/buf.h"

#include "worker/http/filecache_private.h"

/* Reads at most `size` bytes from the start: how many there were, or -1. */
static int64_t read_all(int fd, char *bytes, int64_t size)
{
    int64_t got = 0;

    while (got < size) {
        ssize_t n = pread(fd, bytes + got, (size_t)(size - got), (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += n;
    }
    return got;
}

bool filecache_read(struct file *f)
{
    char *bytes = malloc((size_t)f->size + 1);
    int64_t got = bytes ? read_all(f->fd, bytes, f->size) : -1;

    if (got < 0) {
        free(bytes);
        return false;
    }
    close(f->fd);
    f->fd = -1;
    f->bytes = bytes;
    f->size = got;
    return true;
}

/* The content to compress, read into `room` when it is not in memory. False
 * when it is no longer what the tag stands for. */
static bool content_of(const struct entry *e, struct buf *room,
                       struct slice *out)
{
    const struct file *f = &e->file;
    struct stat st;

    *out = (struct slice){f->bytes, (size_t)f->size};
    if (f->bytes)
        return true;
    out->ptr = buf_reserve(room, out->len);
    return read_all(f->fd, room->data, f->size) == f->size &&
           fstat(f->fd, &st) == 0 && filecache_same(&st, &e->identity);
}

/* Only as much memory as it has bytes; a null ptr when there is none. */
static struct slice copy_of(struct slice s)
{
    char *copy = malloc(s.len);

    if (copy == NULL)
        return (struct slice){NULL, 0};
    memcpy(copy, s.ptr, s.len);
    return (struct slice){copy, s.len};
}

static void entry_pack(struct filecache *c, struct entry *e,
                       struct encoder *encoder)
{
    struct buf room = {NULL, 0, 0};
    struct buf packed = {NULL, 0, 0};
    struct slice content;

    e->packed = true;
    if (content_of(e, &room, &content) &&
        encoder_gzip(encoder, content, &packed))
        e->gzip = copy_of(buf_view(&packed));
    c->bytes += e->gzip.len;
    buf_free(&room);
    buf_free(&packed);
}

/* The room is looked for before it is known how much the gzip form needs:
 * less than the file itself, or it is not kept. */
struct slice filecache_gzip(struct filecache *c, struct encoder *encoder)
{
    struct entry *e = c->found;

    assert(e && e->name);
    if (!e->packed && e->file.size <= FILECACHE_GZIP &&
        filecache_room(c, (size_t)e->file.size))
        entry_pack(c, e, encoder);
    return e->gzip;
}
