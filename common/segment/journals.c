#include <stdatomic.h>

#include "common/hash.h"

#include "common/segment/journals.h"

struct journal {
    _Atomic uint64_t path; /* its hash; 0: free. By compare-and-swap, once */
    /* 1 or 2: which of the copies counts, written whole before; 0: neither. */
    _Atomic uint32_t which;
    struct trio copies[2];
};

struct journals {
    _Atomic uint32_t news;
    struct journal records[JOURNALS_MAX];
};

size_t journals_size(void)
{
    return sizeof(struct journals);
}

struct journal *journals_find(struct journals *j, struct slice path)
{
    uint64_t hash = hash_of(path);

    for (int i = 0; i < JOURNALS_MAX; i++) {
        struct journal *r = &j->records[i];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&r->path, &found, hash) ||
            found == hash)
            return r;
    }
    return NULL;
}

bool journal_read(const struct journal *r, struct trio *out)
{
    uint32_t which = atomic_load(&r->which);

    if (which == 0)
        return false;
    *out = r->copies[which - 1];
    return true;
}

void journal_write(struct journal *r, const struct trio *trio)
{
    uint32_t which = atomic_load(&r->which) == 1 ? 2 : 1;

    r->copies[which - 1] = *trio;
    atomic_store(&r->which, which);
}

uint32_t journals_news(const struct journals *j)
{
    return atomic_load_explicit(&j->news, memory_order_relaxed);
}

uint32_t journals_tell(struct journals *j, uint32_t seen)
{
    uint32_t news = seen;

    return seen + atomic_compare_exchange_strong(&j->news, &news, seen + 1);
}
