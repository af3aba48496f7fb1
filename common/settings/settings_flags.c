#include <ctype.h>
#include <string.h>

#include "common/settings/settings_table.h"

/* ---- a line into words -------------------------------------------------- */

/* Where the splitter stands in the line, and the word it makes. */
struct splitter {
    const char *at;
    struct buf word;
    char quote; /* the quote that is open, or NUL */
};

/* Inside "…" a backslash is special before these alone (POSIX shell, 2.2.3;
 * there is no expansion here, so '$' and '`' need none). */
static bool is_escape(const struct splitter *s)
{
    if (*s->at != '\\' || s->at[1] == '\0')
        return false;
    return s->quote == '\0' ||
           (s->quote == '"' && (s->at[1] == '"' || s->at[1] == '\\'));
}

/* Takes one word; false when a quote stays open. */
static bool split_one(struct splitter *s)
{
    for (; *s->at != '\0'; s->at++) {
        if (is_escape(s))
            buf_byte(&s->word, *++s->at);
        else if (s->quote && *s->at == s->quote)
            s->quote = '\0';
        else if (!s->quote && (*s->at == '"' || *s->at == '\''))
            s->quote = *s->at;
        else if (!s->quote && isspace((unsigned char)*s->at))
            break;
        else
            buf_byte(&s->word, *s->at);
    }
    return s->quote == '\0';
}

static void add_word(struct arena *arena, struct words *out, struct buf *word)
{
    out->at = arena_grow(arena, (void *)out->at, out->count, sizeof *out->at);
    out->at[out->count++] = arena_text(arena, buf_view(word));
    buf_clear(word);
}

bool words_split(struct arena *arena, const char *line, struct words *out,
                 struct fault *f)
{
    struct splitter s = {.at = line};
    bool closed = true;

    for (;;) {
        while (isspace((unsigned char)*s.at))
            s.at++;
        if (*s.at == '\0' || !closed)
            break;
        closed = split_one(&s);
        add_word(arena, out, &s.word);
    }
    buf_free(&s.word);
    return closed || fault_set(f, "a %c is not closed", s.quote);
}

/* ---- words into flags --------------------------------------------------- */

/* One pass over the words of a command line. */
struct pass {
    struct arena *arena;
    const struct words *words;
    size_t next;   /* the word to look at */
    bool only_app; /* behind "--" */
    const char *app;
    struct flags *out;
    struct fault *fault;
};

static bool needs_value(const struct setting *row)
{
    return row->type != SETTING_BOOL && row->type != SETTING_ACT;
}

static bool take(struct pass *p, const struct setting *row, const char *name,
                 const char *value)
{
    struct flags *out = p->out;

    if (value == NULL)
        value = row->bare;
    if (value == NULL && needs_value(row))
        return fault_set(p->fault, "%s: needs a value", name);
    if (row->act) {
        if (value != NULL)
            return fault_set(p->fault, "%s: takes no value", name);
        out->act = row->act;
        return true;
    }
    out->at = arena_grow(p->arena, out->at, out->count, sizeof *out->at);
    out->at[out->count++] = (struct flag){row, name, value ? value : "true"};
    return true;
}

/* The next word, unless it is a flag itself, or the flag can do without it. As
 * in Gunicorn (argparse) "-" and negative numbers are values; write --flag=-x
 * for any other. */
static const char *value_behind(struct pass *p, const struct setting *row)
{
    if (p->next == p->words->count)
        return NULL;
    const char *word = p->words->at[p->next];
    if (word[0] == '-' && word[1] != '\0' && !isdigit((unsigned char)word[1]))
        return NULL;
    if (row->bare && !setting_has_choice(row, slice_of(word)))
        return NULL;
    p->next++;
    return word;
}

static bool unknown_flag(struct pass *p, const char *name)
{
    const char *near = setting_near_flag(slice_of(name + 2));

    if (near)
        return fault_set(p->fault, "%.80s: unknown flag; did you mean --%s?",
                         name, near);
    return fault_set(p->fault, "%.80s: unknown flag; see --help", name);
}

static bool take_long(struct pass *p, const char *word)
{
    struct slice rest = slice_of(word);
    struct slice name = slice_cut(&rest, '=');
    const char *text = arena_text(p->arena, name);
    const struct setting *row = setting_by_flag(slice_of(text + 2));
    const char *value = rest.ptr;

    if (row == NULL)
        return unknown_flag(p, text);
    if (value == NULL && needs_value(row))
        value = value_behind(p, row);
    return take(p, row, text, value);
}

/* "-w4", "-w 4", "-w=4", and letters without a value in one word: "-Dw4". */
static bool take_short(struct pass *p, const char *word)
{
    for (const char *at = word + 1; *at && !p->out->act; at++) {
        const struct setting *row = setting_by_letter(*at);
        const char *name = arena_format(p->arena, "-%c", *at);
        if (row == NULL)
            return fault_set(p->fault, "%s: unknown flag; see --help", name);
        if (needs_value(row)) {
            const char *value = at[1] == '=' ? at + 2 : at + 1;
            return take(p, row, name, at[1] ? value : value_behind(p, row));
        }
        if (!take(p, row, name, NULL))
            return false;
    }
    return true;
}

static bool take_app(struct pass *p, const char *word)
{
    if (p->app)
        return fault_set(p->fault, "'%.60s': there is an APP already, '%.60s'",
                         word, p->app);
    p->app = word;
    return take(p, setting_by_key(SLICE("app")), "APP", word);
}

static bool take_word(struct pass *p, const char *word)
{
    if (p->only_app || word[0] != '-' || word[1] == '\0')
        return take_app(p, word);
    if (strcmp(word, "--") == 0) {
        p->only_app = true;
        return true;
    }
    return word[1] == '-' ? take_long(p, word) : take_short(p, word);
}

bool flags_parse(struct arena *arena, const struct words *words,
                 struct flags *out, struct fault *f)
{
    struct pass p = {.arena = arena, .words = words, .out = out, .fault = f};

    while (p.next < words->count && !out->act) {
        const char *word = words->at[p.next++];
        if (!take_word(&p, word))
            return false;
    }
    return true;
}

const char *flags_config(const struct flags *flags)
{
    const struct setting *config = setting_by_letter('c');
    const char *last = NULL;

    for (size_t i = 0; i < flags->count; i++)
        if (flags->at[i].row == config)
            last = flags->at[i].value;
    return last;
}
