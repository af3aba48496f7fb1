#include "common/settings_table.h"

enum {
    NEAR_MAX = 2,   /* wrong letters in a name that still earn a guess */
    NEAR_ROOM = 32, /* longer names are nobody's misspelling */
};

static char folded(char c)
{
    return c == '-' ? '_' : c;
}

static bool is_named(struct slice name, const char *known)
{
    if (known == NULL)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (known[i] == '\0' || folded(name.ptr[i]) != folded(known[i]))
            return false;
    return known[name.len] == '\0';
}

const struct setting *setting_by_key(struct slice name)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *row = &settings_table[i];
        if (row->key && (is_named(name, row->key) || is_named(name, row->flag)))
            return row;
    }
    return NULL;
}

const struct setting *setting_by_flag(struct slice name)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *row = &settings_table[i];
        if (is_named(name, row->flag) || is_named(name, row->alias))
            return row;
    }
    return NULL;
}

const struct setting *setting_by_letter(char letter)
{
    for (size_t i = 0; i < settings_count; i++)
        if (settings_table[i].letter == letter && letter != '\0')
            return &settings_table[i];
    return NULL;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Letters to insert, drop or change (Levenshtein), one row at a time. */
static size_t distance(struct slice a, struct slice b)
{
    size_t row[NEAR_ROOM + 1];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = folded(a.ptr[i - 1]) == folded(b.ptr[j - 1]);
            size_t change = diagonal + !same;
            diagonal = row[j];
            row[j] = least(change, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[b.len];
}

/* The one closest to `name` of those that `name_of` gives for each row. */
static const char *nearest(struct slice name,
                           const char *(*name_of)(const struct setting *row))
{
    const char *best = NULL;
    size_t best_distance = NEAR_MAX + 1;

    if (name.len <= NEAR_MAX || name.len > NEAR_ROOM)
        return NULL;
    for (size_t i = 0; i < settings_count; i++) {
        struct slice known = slice_of(name_of(&settings_table[i]));
        if (known.len <= NEAR_MAX || known.len > NEAR_ROOM)
            continue;
        size_t d = distance(name, known);
        if (d < best_distance) {
            best = known.ptr;
            best_distance = d;
        }
    }
    return best;
}

static const char *key_of(const struct setting *row)
{
    return row->key;
}

/* Hidden flags are not offered. */
static const char *flag_of(const struct setting *row)
{
    return row->help ? row->flag : NULL;
}

const char *setting_near_key(struct slice name)
{
    return nearest(name, key_of);
}

const char *setting_near_flag(struct slice name)
{
    return nearest(name, flag_of);
}
