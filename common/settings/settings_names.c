#include "common/nearest.h"
#include "common/settings/settings_table.h"

static char folded(char c)
{
    if (c == '-')
        return '_';
    return c;
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
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (row->key && (is_named(name, row->key) || is_named(name, row->flag)))
            return row;
    }
    return NULL;
}

const struct setting *setting_by_flag(struct slice name)
{
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (is_named(name, row->flag) || is_named(name, row->alias))
            return row;
    }
    return NULL;
}

const struct setting *setting_by_letter(char letter)
{
    for (size_t i = 0; i < settings_count(); i++)
        if (setting_at(i)->letter == letter && letter != '\0')
            return setting_at(i);
    return NULL;
}

/* Of the names that `name_of` gives for the rows; null where it has none. */
static const char *
nearest_name(struct slice name,
             const char *(*name_of)(const struct setting *row))
{
    const char *names[SETTINGS_ROOM];
    size_t count = 0;

    for (size_t i = 0; i < settings_count(); i++) {
        names[count] = name_of(setting_at(i));
        count += names[count] != NULL;
    }
    return nearest(name, names, count);
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
    return nearest_name(name, key_of);
}

const char *setting_near_flag(struct slice name)
{
    return nearest_name(name, flag_of);
}
