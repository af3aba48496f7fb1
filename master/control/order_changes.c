#include <string.h>

#include "common/app/app.h"
#include "common/settings/settings.h"
#include "master/changes.h"

#include "master/control/order_changes.h"

static void show_summary(const struct changes *c, uint64_t entries,
                         struct sheet *s)
{
    struct buf summary = {0};

    changes_summary(c, &summary);
    sheet_text(s, "summary", buf_view(&summary));
    sheet_int(s, "cache_entries", (int64_t)entries);
    buf_free(&summary);
}

static void show_lines(const struct changes *c, struct sheet *s)
{
    sheet_heading(s, "Changes");
    sheet_table(s, "changes", "The app stays as it is.");
    for (size_t i = 0; i < c->lines.count; i++) {
        sheet_row(s);
        sheet_text(s, "change", slice_of(c->lines.at[i]));
    }
    sheet_table_end(s);
}

static void show_setting(const char *key, const char *now, const char *then,
                         bool fixed, struct sheet *s)
{
    sheet_row(s);
    sheet_text(s, "setting", slice_of(key));
    sheet_text(s, "takes", slice_of(fixed ? "restart" : "reload"));
    sheet_text(s, "now", slice_of(now ? now : "(not shown)"));
    sheet_text(s, "then", slice_of(then ? then : "(not shown)"));
}

/* The segment, and so a master, is about one database. */
static void show_database(const struct app *present, const struct app *next,
                          struct sheet *s)
{
    if (present && next && strcmp(present->database, next->database) != 0)
        show_setting("database", present->database, next->database, true, s);
}

static void show_settings(const struct generation *present,
                          const struct generation *next, struct sheet *s)
{
    const struct settings_change *at;
    struct arena *arena = arena_new();
    size_t count =
        settings_compare(present->settings, next->settings, arena, &at);

    sheet_heading(s, "Settings");
    sheet_table(s, "settings", "The settings stay as they are.");
    for (size_t i = 0; i < count; i++)
        if (strcmp(at[i].key, "database") != 0)
            show_setting(at[i].key, at[i].before, at[i].after, at[i].fixed, s);
    show_database(present->app, next->app, s);
    sheet_table_end(s);
    arena_free(arena);
}

void order_show_changes(const struct generation *present,
                        const struct generation *next, uint64_t entries,
                        struct sheet *s)
{
    struct changes c = changes_find(present->app, next->app);

    show_summary(&c, entries, s);
    show_lines(&c, s);
    show_settings(present, next, s);
    changes_free(&c);
}
