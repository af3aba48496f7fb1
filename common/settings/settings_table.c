#include <assert.h>

#include "common/settings/settings_table.h"

/* In the order of the help. Names, defaults and meaning are Gunicorn's where
 * Gunicorn has the setting. */
static const struct setting_rows *const parts[SETTINGS_PARTS] = {
    &settings_serving, &settings_data, &settings_running};

const char *const setting_groups[GROUP_COUNT] = {
    [GROUP_APP] = "The app and its data",
    [GROUP_SOCKET] = "Server socket",
    [GROUP_WORKERS] = "Worker processes",
    [GROUP_LIMITS] = "Limits",
    [GROUP_PROXY] = "Behind a proxy",
    [GROUP_BROWSERS] = "Browsers",
    [GROUP_CACHE] = "Cache and compression",
    [GROUP_WRITES] = "Writes and backups",
    [GROUP_MONITORING] = "Monitoring",
    [GROUP_MECHANICS] = "Server mechanics",
    [GROUP_LOGS] = "Logs",
    [GROUP_ACTS] = "Instead of serving",
};

size_t settings_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < SETTINGS_PARTS; i++)
        count += parts[i]->count;
    return count;
}

const struct setting *setting_at(size_t i)
{
    for (size_t part = 0; part < SETTINGS_PARTS; part++) {
        if (i < parts[part]->count)
            return &parts[part]->at[i];
        i -= parts[part]->count;
    }
    return NULL;
}

size_t setting_index(const struct setting *row)
{
    size_t before = 0;

    for (size_t i = 0; i < SETTINGS_PARTS; i++) {
        const struct setting_rows *part = parts[i];
        if (row >= part->at && row < part->at + part->count)
            return before + (size_t)(row - part->at);
        before += part->count;
    }
    assert(!"a setting of the table");
    return 0;
}
