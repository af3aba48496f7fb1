#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/cpus.h"
#include "common/remote.h"
#include "common/schedule.h"
#include "common/settings/settings_table.h"

enum {
    VALUE_MAX = 4000, /* bytes; with its key it must fit a line of a file */
    SHOWN_MAX = 60,   /* bytes of a refused value that a message repeats */
};

static void *field_of(struct settings *s, const struct setting *row)
{
    return (char *)s + row->field;
}

static const void *value_of(const struct settings *s, const struct setting *row)
{
    return (const char *)s + row->field;
}

static bool refuse(const struct setting *row, struct slice text,
                   struct fault *f)
{
    struct buf demand = {0};
    int shown = text.len < SHOWN_MAX ? (int)text.len : SHOWN_MAX;

    setting_demand(row, &demand);
    fault_set(f, "must be %s, not '%.*s'", buf_text(&demand), shown,
              text.len ? text.ptr : "");
    buf_free(&demand);
    return false;
}

/* ---- from text ---------------------------------------------------------- */

static bool keep_number(struct settings *s, const struct setting *row,
                        int64_t n)
{
    int64_t *field = field_of(s, row);

    if (n < row->min || n > row->max)
        return false;
    *field = n == 0 && row->zero ? row->zero : n;
    return true;
}

static bool read_bool(struct settings *s, const struct setting *row,
                      struct slice text, struct fault *f)
{
    static const char *const no_yes[] = {"false", "true", "no",
                                         "yes",   "0",    "1"};
    bool *field = field_of(s, row);

    for (size_t i = 0; i < sizeof no_yes / sizeof *no_yes; i++) {
        if (slice_is_nocase(text, no_yes[i])) {
            *field = i % 2;
            return true;
        }
    }
    return refuse(row, text, f);
}

static bool read_int(struct settings *s, const struct setting *row,
                     struct slice text, struct fault *f)
{
    int64_t n;

    return (text_int64(text, &n) && keep_number(s, row, n)) ||
           refuse(row, text, f);
}

static bool read_workers(struct settings *s, const struct setting *row,
                         struct slice text, struct fault *f)
{
    if (!slice_is_nocase(text, "auto"))
        return read_int(s, row, text, f);
    int64_t n = cpus_usable();
    return keep_number(s, row, n < row->max ? n : row->max);
}

static bool read_size(struct settings *s, const struct setting *row,
                      struct slice text, struct fault *f)
{
    int64_t n;

    return (text_size(text, &n) && keep_number(s, row, n)) ||
           refuse(row, text, f);
}

/* Octal digits up to a value that cannot overflow. */
static bool text_octal(struct slice text, int64_t *out)
{
    int64_t n = 0;

    if (text.len == 0 || text.len > 16)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7')
            return false;
        n = n * 8 + (text.ptr[i] - '0');
    }
    *out = n;
    return true;
}

/* "022" and "0o22" are octal, "18" is decimal: Python's int(x, 0), to which
 * Gunicorn added the first form. */
static bool read_mode(struct settings *s, const struct setting *row,
                      struct slice text, struct fault *f)
{
    struct slice digits = text;
    int64_t n;

    if (text.len < 2 || text.ptr[0] != '0')
        return read_int(s, row, text, f);
    size_t prefix = text.ptr[1] == 'o' || text.ptr[1] == 'O' ? 2 : 1;
    digits.ptr += prefix;
    digits.len -= prefix;
    return (text_octal(digits, &n) && keep_number(s, row, n)) ||
           refuse(row, text, f);
}

static bool read_text(struct settings *s, const struct setting *row,
                      struct slice text, struct fault *f)
{
    const char **field = field_of(s, row);

    if (text.len == 0 && row->fallback)
        return fault_set(f, "must not be empty");
    *field = text.len ? arena_text(s->arena, text) : NULL;
    return true;
}

static bool same_word(struct slice a, struct slice b)
{
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* Null ptr: it is none of them. */
static struct slice choice_of(const struct setting *row, struct slice text)
{
    struct slice rest = slice_of(row->choices);

    if (row->bare && slice_is_nocase(text, "true"))
        return slice_of(row->bare);
    if (row->bare && slice_is_nocase(text, "false"))
        return slice_word(&rest);
    while (rest.len > 0) {
        struct slice choice = slice_word(&rest);
        if (same_word(choice, text))
            return choice;
    }
    return (struct slice){NULL, 0};
}

bool setting_has_choice(const struct setting *row, struct slice text)
{
    return choice_of(row, text).ptr != NULL;
}

static bool read_word(struct settings *s, const struct setting *row,
                      struct slice text, struct fault *f)
{
    struct slice choice = choice_of(row, text);
    const char **field = field_of(s, row);

    if (choice.ptr == NULL)
        return refuse(row, text, f);
    *field = arena_text(s->arena, choice);
    return true;
}

/* Each '%' opens "%(name)s" or is doubled, as Python demands. */
static bool is_log_format(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%')
            continue;
        if (++i < text.len && text.ptr[i] == '%')
            continue;
        if (i >= text.len || text.ptr[i] != '(')
            return false;
        const char *close = memchr(text.ptr + i, ')', text.len - i);
        size_t end = close ? (size_t)(close - text.ptr) : text.len;
        if (end == i + 1 || end + 1 >= text.len || text.ptr[end + 1] != 's')
            return false;
        i = end + 1;
    }
    return text.len > 0;
}

static bool read_format(struct settings *s, const struct setting *row,
                        struct slice text, struct fault *f)
{
    if (!is_log_format(text))
        return refuse(row, text, f);
    return read_text(s, row, text, f);
}

static bool read_schedule(struct settings *s, const struct setting *row,
                          struct slice text, struct fault *f)
{
    struct schedule schedule;
    struct fault reason; /* says what a schedule is: so does our own */

    if (text.len > 0 && !schedule_read(text, &schedule, &reason))
        return refuse(row, text, f);
    return read_text(s, row, text, f);
}

/* Its name is not looked up yet: that may take long. */
static bool read_remote(struct settings *s, const struct setting *row,
                        struct slice text, struct fault *f)
{
    struct remote_words words;
    struct fault reason; /* the forms say it better */

    if (text.len > 0 &&
        (!remote_parse(text, &words, &reason) ||
         (words.way == REMOTE_TCP && !strstr(row->choices, "tcp://"))))
        return refuse(row, text, f);
    return read_text(s, row, text, f);
}

static void add_item(struct settings *s, const struct setting *row,
                     struct slice item)
{
    struct texts *list = field_of(s, row);

    /* The cast drops no qualifier of the texts, only of the slots. */
    list->at =
        arena_grow(s->arena, (void *)list->at, list->count, sizeof *list->at);
    list->at[list->count++] = arena_text(s->arena, item);
}

static bool read_list(struct settings *s, const struct setting *row,
                      struct slice text, struct fault *f)
{
    struct slice rest = text;

    if (text.len == 0 && row->fallback == NULL)
        return true; /* see read_pairs */
    while (rest.ptr != NULL)
        if (slice_trim(slice_cut(&rest, ',')).len == 0)
            return fault_set(f, "must not be empty, nor any part of it");
    while (text.ptr != NULL)
        add_item(s, row, slice_trim(slice_cut(&text, ',')));
    return true;
}

static bool read_pairs(struct settings *s, const struct setting *row,
                       struct slice text, struct fault *f)
{
    struct slice rest = text;
    struct slice key = slice_cut(&rest, '=');

    if (text.len == 0)
        return true; /* names the list, so the lower layer's is forgotten */
    if (key.len == 0 || rest.ptr == NULL)
        return refuse(row, text, f);
    add_item(s, row, text);
    return true;
}

void setting_forget(struct settings *s, const struct setting *row)
{
    if (row->type == SETTING_LIST || row->type == SETTING_PAIRS)
        *(struct texts *)field_of(s, row) = (struct texts){0};
}

/* ---- to text ------------------------------------------------------------ */

static void write_bool(const void *value, struct buf *out)
{
    buf_string(out, *(const bool *)value ? "true" : "false");
}

static void write_int(const void *value, struct buf *out)
{
    buf_int(out, *(const int64_t *)value);
}

static void write_size(const void *value, struct buf *out)
{
    static const char units[] = {'K', 'M', 'G'};
    int64_t n = *(const int64_t *)value;
    size_t unit = 0;

    while (n != 0 && n % 1024 == 0 && unit < sizeof units) {
        n /= 1024;
        unit++;
    }
    buf_int(out, n);
    if (unit > 0)
        buf_byte(out, units[unit - 1]);
}

static void write_mode(const void *value, struct buf *out)
{
    buf_format(out, "%#" PRIo64, *(const int64_t *)value);
}

static void write_text(const void *value, struct buf *out)
{
    const char *text = *(const char *const *)value;

    buf_string(out, text ? text : "");
}

/* ---- each type ---------------------------------------------------------- */

static const struct kind {
    bool (*read)(struct settings *s, const struct setting *row,
                 struct slice text, struct fault *f);
    void (*write)(const void *value, struct buf *out); /* one item of a list */
    const char *demand; /* what it takes, when the row's range is not it */
} kinds[] = {
    [SETTING_BOOL] = {read_bool, write_bool, "true or false"},
    [SETTING_INT] = {read_int, write_int, NULL},
    [SETTING_WORKERS] = {read_workers, write_int, NULL},
    [SETTING_SIZE] = {read_size, write_size, NULL},
    [SETTING_MODE] = {read_mode, write_mode, NULL},
    [SETTING_TEXT] = {read_text, write_text, ""},
    [SETTING_WORD] = {read_word, write_text, NULL},
    [SETTING_FORMAT] = {read_format, write_text,
                        "text with atoms like %(h)s, each closed"},
    [SETTING_SCHEDULE] = {read_schedule, write_text,
                          "a schedule like EVERY 6h or DAILY 03:15"},
    [SETTING_REMOTE] = {read_remote, write_text, NULL},
    [SETTING_LIST] = {read_list, write_text, ""},
    [SETTING_PAIRS] = {read_pairs, write_text, "KEY=VALUE"},
};

static void demand_choice(const char *choices, struct buf *out)
{
    for (struct slice rest = slice_of(choices); rest.len > 0;) {
        buf_slice(out, slice_word(&rest));
        if (rest.len > 0)
            buf_string(out, memchr(rest.ptr, ' ', rest.len) ? ", " : " or ");
    }
}

void setting_demand(const struct setting *row, struct buf *out)
{
    const struct kind *kind = &kinds[row->type];

    if (kind->demand) {
        buf_string(out, kind->demand);
    } else if (row->choices) {
        demand_choice(row->choices, out);
    } else {
        kind->write(&row->min, out);
        buf_string(out, " to ");
        kind->write(&row->max, out);
        if (row->type == SETTING_WORKERS)
            buf_string(out, ", or auto");
    }
}

/* What a line of a file could not carry, so that settings_print's output
 * always reads back as it was. */
static bool fits_a_line(struct slice text, struct fault *f)
{
    if (text.len > VALUE_MAX)
        return fault_set(f, "must not be longer than %d bytes", VALUE_MAX);
    for (size_t i = 0; i < text.len; i++)
        if (iscntrl((unsigned char)text.ptr[i]))
            return fault_set(f, "must not contain control characters");
    if (slice_trim(text).len != text.len)
        return fault_set(f, "must not begin or end with a blank");
    return true;
}

bool setting_read(struct settings *s, const struct setting *row,
                  struct slice text, struct fault *f)
{
    return fits_a_line(text, f) && kinds[row->type].read(s, row, text, f);
}

static void print_line(const char *key, const struct kind *kind,
                       const void *value, FILE *to)
{
    struct buf text = {0};

    kind->write(value, &text);
    fprintf(to, text.len ? "%s = %s\n" : "%s =%s\n", key, buf_text(&text));
    buf_free(&text);
}

void setting_print(const struct settings *s, const struct setting *row,
                   FILE *to)
{
    const void *value = value_of(s, row);
    const struct kind *kind = &kinds[row->type];

    if (row->type != SETTING_LIST && row->type != SETTING_PAIRS) {
        print_line(row->key, kind, value, to);
        return;
    }
    const struct texts *list = value;
    for (size_t i = 0; i < list->count; i++)
        print_line(row->key, kind, &list->at[i], to);
    if (list->count == 0)
        fprintf(to, "%s =\n", row->key);
}
