#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "master/keeper/backup_folder.h"

enum {
    APP_BYTES = 100,
    TIME_BYTES = sizeof "20260131T120000Z" - 1,
};

static const char ending[] = ".db";

/* ---- names ---------------------------------------------------------------*/

/* What stands before the time. */
static size_t write_stem(const char *app, char name[BACKUP_NAME])
{
    size_t len = 0;

    for (; app[len] != '\0' && len < APP_BYTES; len++) {
        name[len] = app[len];
        if (iscntrl((unsigned char)app[len]) || strchr(" /", app[len]) ||
            (app[len] == '.' && len == 0))
            name[len] = '-';
    }
    name[len++] = '-';
    name[len] = '\0';
    return len;
}

void backup_folder_name(const char *app, int64_t at_ms, char name[BACKUP_NAME])
{
    size_t len = write_stem(app, name);
    time_t second = (time_t)(at_ms / 1000);
    struct tm tm;

    gmtime_r(&second, &tm);
    len += strftime(name + len, BACKUP_NAME - len, "%Y%m%dT%H%M%SZ", &tm);
    snprintf(name + len, BACKUP_NAME - len, "%s", ending);
}

/* When one with that name was begun; 0 when it is none of ours. The name that
 * is made of the time must be the same again, so nothing else gets through. */
static int64_t time_of(const char *app, const char *name)
{
    char again[BACKUP_NAME];
    struct tm tm = {0};
    size_t stem = write_stem(app, again);

    if (strlen(name) != stem + TIME_BYTES + sizeof ending - 1)
        return 0;
    if (strptime(name + stem, "%Y%m%dT%H%M%SZ", &tm) == NULL)
        return 0;
    int64_t at_ms = (int64_t)timegm(&tm) * 1000;
    backup_folder_name(app, at_ms, again);
    return strcmp(name, again) == 0 ? at_ms : 0;
}

/* ---- what is there -------------------------------------------------------*/

struct found {
    int64_t *at; /* times of ours, in no order */
    size_t count;
};

static void find(const char *folder, const char *app, struct found *f)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    *f = (struct found){NULL, 0};
    while (dir && (entry = readdir(dir)) != NULL) {
        int64_t at_ms = time_of(app, entry->d_name);
        int64_t *more =
            at_ms > 0 ? reallocarray(f->at, f->count + 1, sizeof *f->at) : NULL;
        if (more == NULL)
            continue;
        f->at = more;
        f->at[f->count++] = at_ms;
    }
    if (dir)
        closedir(dir);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int64_t backup_folder_newest(const char *folder, const char *app)
{
    struct found f;
    int64_t newest = 0;

    find(folder, app, &f);
    for (size_t i = 0; i < f.count; i++)
        if (f.at[i] > newest)
            newest = f.at[i];
    free(f.at);
    return newest;
}

size_t backup_folder_prune(const char *folder, const char *app, size_t keep)
{
    char name[BACKUP_NAME];
    struct found f;
    size_t removed = 0;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    find(folder, app, &f);
    if (f.count > 0)
        qsort(f.at, f.count, sizeof *f.at, by_time);
    for (size_t i = 0; fd >= 0 && i + keep < f.count; i++) {
        backup_folder_name(app, f.at[i], name);
        if (unlinkat(fd, name, 0) == 0)
            removed++;
    }
    free(f.at);
    if (fd >= 0)
        close(fd);
    return removed;
}
