#include <stdlib.h>
#include <unistd.h>

#include "common/settings/conf.h"
#include "common/settings/settings_table.h"

static const char default_file[] = "prong.conf"; /* in the present folder */
static const char args_variable[] = "PRONG_CMD_ARGS";

enum { FILE_MAX_BYTES = 1 << 20 };

/* Lowest first; the order in which they are read. */
enum layer {
    LAYER_DEFAULT,
    LAYER_ENVIRONMENT,
    LAYER_FILE,
    LAYER_ARGS,
    LAYER_FLAGS
};

struct loader {
    struct settings *settings;
    enum layer layer;                /* the one being read */
    enum layer named[SETTINGS_ROOM]; /* the last that named each row */
    struct flags args;               /* of PRONG_CMD_ARGS */
    struct flags flags;              /* of the command line */
    struct fault *fault;
};

/* Puts where the fault is before what it is; false. */
static bool blame(struct fault *f, const char *where)
{
    struct fault reason = *f;

    return fault_set(f, "%.100s: %s", where, reason.text);
}

/* A list that a layer names replaces the lower layer's, then grows. */
static bool apply(struct loader *l, const struct setting *row, const char *text)
{
    enum layer *named = &l->named[setting_index(row)];

    if (*named != l->layer)
        setting_forget(l->settings, row);
    *named = l->layer;
    return setting_read(l->settings, row, slice_of(text), l->fault);
}

static bool load_defaults(struct loader *l)
{
    l->layer = LAYER_DEFAULT;
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (row->fallback && !apply(l, row, row->fallback))
            return blame(l->fault, row->flag);
    }
    return true;
}

static bool load_environment(struct loader *l)
{
    l->layer = LAYER_ENVIRONMENT;
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        const char *value = row->env ? getenv(row->env) : NULL;
        if (value == NULL || *value == '\0')
            continue;
        const char *prefix = row->env_prefix ? row->env_prefix : "";
        if (!apply(l, row,
                   arena_format(l->settings->arena, "%s%s", prefix, value)))
            return blame(l->fault, row->env);
    }
    return true;
}

static bool unknown_key(const char *key, struct fault *f)
{
    const char *near = setting_near_key(slice_of(key));

    if (near)
        return fault_set(f, "%.80s: unknown setting; did you mean %s?", key,
                         near);
    return fault_set(f, "%.80s: unknown setting", key);
}

static bool on_entry(void *self, const struct conf_entry *entry,
                     struct fault *f)
{
    struct loader *l = self;
    const struct setting *row = setting_by_key(slice_of(entry->key));

    if (*entry->section)
        return fault_set(f, "[%.50s]: settings have no sections",
                         entry->section);
    if (row == NULL)
        return unknown_key(entry->key, f);
    return apply(l, row, entry->value) || blame(f, entry->key);
}

/* -c of the command line goes before that of PRONG_CMD_ARGS; without either,
 * the default file is read if it is there. */
static const char *file_to_read(const struct loader *l)
{
    const char *named = flags_config(&l->flags);

    if (named == NULL)
        named = flags_config(&l->args);
    if (named == NULL && access(default_file, F_OK) == 0)
        named = default_file;
    return named && *named ? named : NULL;
}

static bool load_file(struct loader *l)
{
    struct settings *s = l->settings;
    const char *file = file_to_read(l);
    struct slice text = {0};

    l->layer = LAYER_FILE;
    if (file == NULL)
        return true;
    s->config = arena_text(s->arena, slice_of(file));
    return conf_slurp(s->arena, file, FILE_MAX_BYTES, &text, l->fault) &&
           conf_parse(file, text, on_entry, l, l->fault);
}

static bool load_flags(struct loader *l, enum layer layer,
                       const struct flags *flags)
{
    l->layer = layer;
    for (size_t i = 0; i < flags->count; i++) {
        const struct flag *flag = &flags->at[i];
        if (!apply(l, flag->row, flag->value))
            return blame(l->fault, flag->name);
    }
    return true;
}

/* PRONG_CMD_ARGS: the flags in it, without looking at their values. */
static bool parse_args(struct loader *l)
{
    struct arena *arena = l->settings->arena;
    const char *line = getenv(args_variable);
    struct words words = {0};

    if (line == NULL || (words_split(arena, line, &words, l->fault) &&
                         flags_parse(arena, &words, &l->args, l->fault)))
        return true;
    return blame(l->fault, args_variable);
}

static bool parse_argv(struct loader *l, int argc, char **argv)
{
    struct arena *arena = l->settings->arena;
    struct words words = {0};

    for (int i = 1; i < argc; i++) {
        words.at =
            arena_grow(arena, (void *)words.at, words.count, sizeof *words.at);
        words.at[words.count++] = argv[i];
    }
    return flags_parse(arena, &words, &l->flags, l->fault);
}

static bool load_layers(struct loader *l)
{
    return load_defaults(l) && load_environment(l) && load_file(l) &&
           (load_flags(l, LAYER_ARGS, &l->args) ||
            blame(l->fault, args_variable)) &&
           load_flags(l, LAYER_FLAGS, &l->flags) &&
           (l->settings->app != NULL ||
            fault_set(l->fault, "APP is missing: name the folder to serve, "
                                "as in \"prong etc/hello\""));
}

/* The flags are parsed first, because --help must answer whatever else is
 * wrong, and because they say which file to read. */
static enum settings_outcome load(struct loader *l, int argc, char **argv)
{
    if (!parse_argv(l, argc, argv))
        return SETTINGS_BAD;
    if (!l->flags.act && !parse_args(l))
        return SETTINGS_BAD;
    void (*act)(FILE *) = l->flags.act ? l->flags.act : l->args.act;
    if (act) {
        act(stdout);
        return SETTINGS_DONE;
    }
    return load_layers(l) ? SETTINGS_OK : SETTINGS_BAD;
}

enum settings_outcome settings_load(int argc, char **argv,
                                    struct settings **out, struct fault *fault)
{
    struct arena *arena = arena_new();
    struct settings *s = arena_alloc(arena, sizeof *s);
    struct loader l = {.settings = s, .fault = fault};

    s->arena = arena;
    enum settings_outcome outcome = load(&l, argc, argv);
    if (outcome != SETTINGS_OK) {
        settings_free(s);
        s = NULL;
    }
    *out = s;
    return outcome;
}

void settings_free(struct settings *s)
{
    if (s)
        arena_free(s->arena);
}
