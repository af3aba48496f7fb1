/*
 * Paths and queries from hostile text. What is accepted has no NUL, no dot
 * segment and no byte outside its buffer, and says the same when it is
 * encoded and decoded again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "worker/http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct path {
    struct buf text;
    struct slice segments[TARGET_SEGMENTS_MAX];
    size_t count;
    bool good;
};

struct pairs {
    struct buf text;
    struct pair list[TARGET_PAIRS_MAX];
    size_t count;
    bool good;
};

static void check_inside(const struct buf *b, struct slice s)
{
    assert(s.len == 0 || (s.ptr >= b->data && s.ptr < b->data + b->len &&
                          s.len <= (size_t)(b->data + b->len - s.ptr)));
    assert(s.len == 0 || memchr(s.ptr, '\0', s.len) == NULL);
}

static void check_path(const struct path *p, size_t raw)
{
    size_t length = 0;

    assert(p->count >= 1 && p->count <= TARGET_SEGMENTS_MAX);
    assert(p->text.len <= raw + 1);
    for (size_t i = 0; i < p->count; i++) {
        check_inside(&p->text, p->segments[i]);
        assert(!slice_is(p->segments[i], "."));
        assert(!slice_is(p->segments[i], ".."));
        assert(p->text.data[length] == '/');
        assert(p->segments[i].ptr == p->text.data + length + 1);
        length += 1 + p->segments[i].len;
    }
    assert(length == p->text.len); /* they are all there is */
}

static void path_again(const struct path *p)
{
    struct path again = {.count = 0};
    struct buf raw = {0};

    for (size_t i = 0; i < p->count; i++) {
        buf_byte(&raw, '/');
        buf_percent(&raw, p->segments[i]);
    }
    assert(
        target_path(buf_view(&raw), &again.text, again.segments, &again.count));
    assert(again.count == p->count);
    assert(slice_equal(buf_view(&again.text), buf_view(&p->text)));
    buf_free(&again.text);
    buf_free(&raw);
}

static void pairs_again(const struct pairs *p)
{
    struct pairs again = {.count = 0};
    struct buf raw = {0};

    for (size_t i = 0; i < p->count; i++) {
        buf_percent(&raw, p->list[i].name);
        buf_byte(&raw, '=');
        buf_percent(&raw, p->list[i].value);
        buf_byte(&raw, '&');
    }
    assert(target_pairs(buf_view(&raw), &again.text, again.list, &again.count));
    assert(again.count == p->count);
    for (size_t i = 0; i < p->count; i++) {
        assert(slice_equal(again.list[i].name, p->list[i].name));
        assert(slice_equal(again.list[i].value, p->list[i].value));
    }
    buf_free(&again.text);
    buf_free(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct path path;
    static struct pairs pairs;
    struct slice raw = {(const char *)data, size};

    buf_free(&path.text);
    buf_free(&pairs.text);
    path.good = target_path(raw, &path.text, path.segments, &path.count);
    if (path.good) {
        check_path(&path, size);
        path_again(&path);
    }
    pairs.good = target_pairs(raw, &pairs.text, pairs.list, &pairs.count);
    if (pairs.good) {
        assert(pairs.count <= TARGET_PAIRS_MAX);
        for (size_t i = 0; i < pairs.count; i++) {
            check_inside(&pairs.text, pairs.list[i].name);
            check_inside(&pairs.text, pairs.list[i].value);
        }
        pairs_again(&pairs);
    }
    return 0;
}
