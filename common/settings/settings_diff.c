#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/settings/settings_table.h"

/* Appends the value of one "key = value" line. */
static const char *append(struct arena *arena, const char *values,
                          struct slice line)
{
    slice_cut(&line, '=');
    line = slice_trim(line);
    return arena_format(arena, "%s%s%.*s", values, *values ? ", " : "",
                        (int)line.len, line.ptr);
}

static const char *value_text(const struct settings *s,
                              const struct setting *row, struct arena *arena)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    const char *values = "";

    assert(to != NULL);
    setting_print(s, row, to);
    fclose(to);
    struct slice rest = {text, size};
    while (rest.len > 0)
        values = append(arena, values, slice_cut(&rest, '\n'));
    free(text);
    return values;
}

size_t settings_compare(const struct settings *before,
                        const struct settings *after, struct arena *arena,
                        const struct settings_change **out)
{
    struct settings_change *changes =
        arena_alloc(arena, settings_count() * sizeof *changes);
    size_t count = 0;

    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (row->key == NULL)
            continue;
        struct settings_change c = {row->key, value_text(before, row, arena),
                                    value_text(after, row, arena), row->fixed};
        if (strcmp(c.before, c.after) == 0)
            continue;
        if (row->type == SETTING_PAIRS) /* passwords stand in environments */
            c.before = c.after = NULL;
        changes[count++] = c;
    }
    *out = changes;
    return count;
}

void settings_keep_fixed(struct settings *next, const struct settings *present)
{
    struct fault impossible; /* it was read once already */

    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (!row->fixed)
            continue;
        const char *value = value_text(present, row, next->arena);
        bool read = setting_read(next, row, slice_of(value), &impossible);
        assert(read);
        (void)read;
    }
}
