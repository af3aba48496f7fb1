#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/settings/settings.h"

#include "common/app/title.h"

/* Where the title goes; the copies are never given back. */
static struct {
    char *area; /* null before title_init */
    size_t size;
    struct arena *copies;
} title;

/* Copies a list that ends with null, and stretches the area over each text
 * that lies right behind it. */
static char **take_over(char **list)
{
    size_t count = 0;

    while (list[count])
        count++;
    char **copy = arena_alloc(title.copies, (count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        if (list[i] == title.area + title.size)
            title.size += strlen(list[i]) + 1;
        copy[i] = arena_text(title.copies, slice_of(list[i]));
    }
    return copy;
}

char **title_init(int argc, char **argv)
{
    if (argc < 1) /* execve allows it */
        return argv;
    title.copies = arena_new();
    title.area = argv[0];
    char **copy = take_over(argv);
    environ = take_over(environ);
    return copy;
}

void title_set(const char *role, const struct settings *s)
{
    const char *name = s->proc_name ? s->proc_name : s->app;

    if (title.area == NULL)
        return;
    /* The kernel shows the area up to its end: NULs must fill it. */
    memset(title.area, 0, title.size);
    snprintf(title.area, title.size, "prong: %s [%s]", role,
             name ? name : "prong");
}
