#include <string.h>

#include "common/nearest.h"

enum { LONGEST = 32 }; /* of the words compared */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * Optimal string alignment: cost[i][k] turns the first i letters of `a` into
 * the first k of `b`.
 */
static size_t distance(struct slice a, struct slice b)
{
    size_t cost[LONGEST + 1][LONGEST + 1];

    for (size_t i = 0; i <= a.len; i++)
        cost[i][0] = i;
    for (size_t k = 0; k <= b.len; k++)
        cost[0][k] = k;
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t k = 1; k <= b.len; k++) {
            bool same = a.ptr[i - 1] == b.ptr[k - 1];
            cost[i][k] = least(least(cost[i - 1][k], cost[i][k - 1]) + 1,
                               cost[i - 1][k - 1] + !same);
            if (i > 1 && k > 1 && a.ptr[i - 1] == b.ptr[k - 2] &&
                a.ptr[i - 2] == b.ptr[k - 1])
                cost[i][k] = least(cost[i][k], cost[i - 2][k - 2] + 1);
        }
    }
    return cost[a.len][b.len];
}

const char *nearest(struct slice word, const char *const *words, size_t count)
{
    const char *best = NULL;
    size_t best_cost = (word.len + 1) / 2; /* from here on it is a guess */

    if (word.len > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct slice candidate = slice_of(words[i]);
        if (candidate.len > LONGEST)
            continue;
        size_t cost = distance(word, candidate);
        if (cost < best_cost) {
            best_cost = cost;
            best = words[i];
        }
    }
    return best;
}
