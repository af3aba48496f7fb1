/*
 * power: what is left of a database and its WAL when the power fails: what was
 * synced (disk.h), and of what was not any sectors, each of which is written
 * whole or not at all: left.db and left.db-wal, beside the database.
 */
#ifndef PRONG_TEST_POWER_H
#define PRONG_TEST_POWER_H

#include "disk.h"

enum { SECTOR = 512 };

/* ---- chance ---- */

static uint64_t chance;

/* 0 to below - 1 (xorshift). */
static inline unsigned pick(unsigned below)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (unsigned)(chance >> 20) % below;
}

/* ---- what the power leaves ---- */

struct bytes {
    char *at;
    size_t size;
    size_t room;
};

/* Not synced; without bytes: the file is cut, or grows, to `at`. */
struct pending {
    size_t at;
    struct bytes bytes;
};

enum { PENDING_MAX = 4096 };

struct platter {
    struct bytes safe;
    struct pending pending[PENDING_MAX];
    size_t count;
};

static struct {
    struct platter platters[DISK_PARTS];
    unsigned operations;
    unsigned fails_at;
    bool failed;
    const struct scratch *folder;
} power;

/* Grown with zeros, or cut. */
static inline void resize(struct bytes *b, size_t size)
{
    if (b->at == NULL || b->room < size) {
        b->room = 2 * size + 1;
        b->at = realloc(b->at, b->room);
        assert_non_null(b->at);
    }
    if (size > b->size)
        memset(b->at + b->size, 0, size - b->size);
    b->size = size;
}

static inline void put(struct bytes *b, size_t at, const char *from, size_t len)
{
    if (b->at == NULL || b->size < at + len)
        resize(b, at + len);
    memcpy(b->at + at, from, len);
}

static inline struct bytes copy_of(const void *from, size_t len)
{
    struct bytes b = {.size = 0};

    put(&b, 0, from, len);
    return b;
}

static inline void drop(struct bytes *b)
{
    free(b->at);
    *b = (struct bytes){.size = 0};
}

/* Each sector by a chance of odds in 8. */
static inline void apply(struct bytes *b, const struct pending *p,
                         unsigned odds)
{
    const struct bytes *from = &p->bytes;

    if (from->at == NULL && pick(8) < odds)
        resize(b, p->at);
    for (size_t done = 0, len; done < from->size; done += len) {
        len = SECTOR - (p->at + done) % SECTOR;
        if (len > from->size - done)
            len = from->size - done;
        if (pick(8) < odds)
            put(b, p->at + done, from->at + done, len);
    }
}

static inline void empty(struct platter *p)
{
    for (size_t i = 0; i < p->count; i++)
        drop(&p->pending[i].bytes);
    p->count = 0;
}

static inline void leave(enum disk_part part, const char *name, unsigned odds)
{
    const struct platter *p = &power.platters[part];
    struct bytes left = {.size = 0};

    if (p->safe.size)
        put(&left, 0, p->safe.at, p->safe.size);
    for (size_t i = 0; i < p->count; i++)
        apply(&left, &p->pending[i], odds);
    write_file(scratch_name(power.folder, name), left.size ? left.at : "",
               left.size);
    drop(&left);
}

/* Nothing of what was not synced, all of it, a half, or nearly all. */
static inline void fail_power(void)
{
    static const unsigned odds[] = {0, 8, 4, 7};
    unsigned o = odds[pick(4)];

    leave(DISK_DATABASE, "left.db", o);
    leave(DISK_WAL, "left.db-wal", o);
    power.failed = true;
}

static inline void tick(void)
{
    if (++power.operations == power.fails_at)
        fail_power();
}

static inline void on_write(enum disk_part part, const void *bytes, size_t len,
                            size_t at)
{
    struct platter *p = &power.platters[part];
    struct pending new = {.at = at};

    if (power.failed)
        return;
    if (bytes)
        new.bytes = copy_of(bytes, len);
    assert_true(p->count < PENDING_MAX);
    p->pending[p->count++] = new;
    tick();
}

static inline void on_sync(enum disk_part part)
{
    struct platter *p = &power.platters[part];

    tick();
    if (power.failed)
        return;
    for (size_t i = 0; i < p->count; i++)
        apply(&p->safe, &p->pending[i], 8);
    empty(p);
}

/* The database in that folder is `first`, all of it synced. From now on what
 * is opened is written to the platters. */
static inline void power_on(const struct scratch *folder,
                            const struct bytes *first)
{
    write_file(folder->path, first->at, first->size);
    power.folder = folder;
    power.operations = 0;
    power.failed = false;
    power.platters[DISK_DATABASE].safe = copy_of(first->at, first->size);
    disk_insert();
    disk.listener = (struct disk_listener){on_write, on_sync};
}

/* When all is closed. */
static inline void power_off(void)
{
    disk_remove();
    for (enum disk_part part = 0; part < DISK_PARTS; part++) {
        empty(&power.platters[part]);
        drop(&power.platters[part].safe);
    }
}

#endif
