#include <string.h>
#include <unistd.h>

#include "master/activation.h"

static bool is_ours(const char *pid)
{
    int64_t number;

    return pid == NULL ||
           (text_int64(slice_of(pid), &number) && number == getpid());
}

/* Names are one for each socket, or none at all. Which do not tell anything
 * ("unknown", or the unit's) are those of --bind. */
static bool read_names(const char *names, struct activation *a)
{
    struct slice rest = slice_of(names);
    size_t count = 0;

    while (rest.ptr) {
        struct slice name = slice_cut(&rest, ':');
        if (count < a->count)
            a->admin[count] = slice_is(name, "admin");
        count++;
    }
    return count == a->count;
}

bool activation_parse(const char *pid, const char *fds, const char *names,
                      struct activation *out, struct fault *fault)
{
    int64_t count;

    *out = (struct activation){0};
    if (fds == NULL || !is_ours(pid))
        return true;
    if (!text_int64(slice_of(fds), &count) || count < 0 ||
        count > ACTIVATION_MAX)
        return fault_set(fault, "LISTEN_FDS: \"%s\" is not 0 to %d", fds,
                         ACTIVATION_MAX);
    out->count = (size_t)count;
    if (count == 0 || names == NULL || read_names(names, out))
        return true;
    return fault_set(fault, "LISTEN_FDNAMES: \"%s\" is not %zu names", names,
                     out->count);
}

static size_t count_of(const struct activation *a, bool admin)
{
    size_t count = 0;

    for (size_t i = 0; i < a->count; i++)
        count += a->admin[i] == admin;
    return count;
}

static void replace(const struct activation *a, bool admin, struct settings *s,
                    struct texts *list)
{
    size_t count = count_of(a, admin);

    if (count == 0)
        return;
    *list = (struct texts){arena_alloc(s->arena, count * sizeof *list->at), 0};
    for (size_t i = 0; i < a->count; i++)
        if (a->admin[i] == admin)
            list->at[list->count++] =
                arena_format(s->arena, "fd://%zu", ACTIVATION_FIRST + i);
}

void activation_apply(const struct activation *a, struct settings *s)
{
    replace(a, false, s, &s->bind);
    replace(a, true, s, &s->admin_bind);
}
