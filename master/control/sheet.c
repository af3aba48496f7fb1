#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "master/control/sheet.h"

enum {
    LABEL = 20, /* columns before the value of a fact */
    GAP = 2,    /* between two columns of a table */
};

/* ---- text that shows only itself ---------------------------------------- */

/* C0, DEL, and C1, which are U+0080 to U+009F. */
static bool steers(const char *c, size_t bytes)
{
    unsigned char first = (unsigned char)c[0];

    return first < 0x20 || first == 0x7f ||
           (bytes == 2 && first == 0xc2 && (unsigned char)c[1] < 0xa0);
}

void sheet_plain(struct buf *out, struct slice text, bool lines)
{
    size_t at = 0;

    while (at < text.len) {
        size_t bytes = text_utf8_at(text, at);
        const char *c = text.ptr + at;
        if (lines && *c == '\n')
            buf_byte(out, '\n');
        else if (bytes == 0 || steers(c, bytes))
            buf_byte(out, '?');
        else
            buf_add(out, c, bytes);
        at += bytes > 0 ? bytes : 1;
    }
}

size_t sheet_width(struct slice text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return width;
}

/* ---- the whole ----------------------------------------------------------- */

void sheet_begin(struct sheet *s, struct buf *out, bool json)
{
    *s = (struct sheet){.out = out, .json = json, .j = {.out = out}};
    if (json)
        jsonout_open(&s->j, NULL, '{');
}

void sheet_end(struct sheet *s)
{
    if (!s->json)
        return;
    jsonout_close(&s->j, '}');
    buf_byte(s->out, '\n');
}

/* ---- tables -------------------------------------------------------------- */

void sheet_heading(struct sheet *s, const char *text)
{
    if (!s->json)
        buf_format(s->out, "\n%s\n", text);
}

void sheet_table(struct sheet *s, const char *name, const char *empty)
{
    s->in_table = true;
    s->empty = empty;
    s->columns = s->rows = s->cell = 0;
    s->cells = NULL;
    if (s->json)
        jsonout_open(&s->j, name, '[');
    else
        s->arena = arena_new();
}

void sheet_row(struct sheet *s)
{
    assert(s->in_table);
    assert(s->rows == 0 || s->json || s->cell == s->columns);
    if (s->json && s->rows > 0)
        jsonout_close(&s->j, '}');
    if (s->json)
        jsonout_open(&s->j, NULL, '{');
    s->rows++;
    s->cell = 0;
}

/* "request_id" is REQUEST ID above its column. */
static const char *title_of(struct arena *arena, const char *name)
{
    char *title = arena_text(arena, slice_of(name));

    for (char *c = title; *c; c++)
        if (*c == '_')
            *c = ' ';
        else if (*c >= 'a' && *c <= 'z')
            *c ^= 'a' ^ 'A';
    return title;
}

static void put_cell(struct sheet *s, const char *name, struct slice text,
                     bool number)
{
    size_t count = s->rows > 1 ? (s->rows - 1) * s->columns + s->cell : s->cell;

    assert(s->cell < SHEET_COLUMNS);
    if (s->rows == 1) {
        s->titles[s->cell] = title_of(s->arena, name);
        s->right[s->cell] = false;
        s->columns++;
    }
    assert(s->cell < s->columns);
    s->right[s->cell] |= number;
    s->cells = arena_grow(s->arena, (void *)s->cells, count, sizeof *s->cells);
    s->cells[count] = arena_text(s->arena, text);
    s->cell++;
}

static size_t width_of(const struct sheet *s, size_t column)
{
    size_t most = sheet_width(slice_of(s->titles[column]));

    for (size_t row = 0; row < s->rows; row++) {
        const char *cell = s->cells[row * s->columns + column];
        size_t width = sheet_width(slice_of(cell));
        most = width > most ? width : most;
    }
    return most;
}

static void pad(struct buf *out, size_t count)
{
    while (count-- > 0)
        buf_byte(out, ' ');
}

/* Nothing stands behind the last column. */
static void write_row(const struct sheet *s, const char *const *cells,
                      const size_t *widths)
{
    for (size_t i = 0; i < s->columns; i++) {
        struct slice text = slice_of(cells[i]);
        size_t spare = widths[i] - sheet_width(text);
        if (s->right[i])
            pad(s->out, spare);
        buf_slice(s->out, text);
        if (i + 1 == s->columns)
            break;
        pad(s->out, GAP + (s->right[i] ? 0 : spare));
    }
    buf_byte(s->out, '\n');
}

static void write_table(const struct sheet *s)
{
    size_t widths[SHEET_COLUMNS];

    for (size_t i = 0; i < s->columns; i++)
        widths[i] = width_of(s, i);
    write_row(s, s->titles, widths);
    for (size_t row = 0; row < s->rows; row++)
        write_row(s, s->cells + row * s->columns, widths);
}

void sheet_table_end(struct sheet *s)
{
    s->in_table = false;
    if (s->json) {
        if (s->rows > 0)
            jsonout_close(&s->j, '}');
        jsonout_close(&s->j, ']');
        return;
    }
    if (s->rows > 0)
        write_table(s);
    else
        buf_format(s->out, "%s\n", s->empty);
    arena_free(s->arena);
}

/* ---- facts and cells ----------------------------------------------------- */

static void put(struct sheet *s, const char *name, struct slice text,
                bool number)
{
    if (s->in_table) {
        put_cell(s, name, text, number);
        return;
    }
    size_t begin = s->out->len;
    for (const char *c = name; *c; c++)
        if (*c == '_')
            buf_byte(s->out, ' ');
        else
            buf_byte(s->out, *c);
    size_t used = s->out->len - begin;
    pad(s->out, used < LABEL ? LABEL - used : 1);
    buf_slice(s->out, text);
    buf_byte(s->out, '\n');
}

static void put_format(struct sheet *s, const char *name, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));
static void put_format(struct sheet *s, const char *name, const char *format,
                       ...)
{
    char text[64];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    put(s, name, slice_of(text), true);
}

/* "age" in text is "age_seconds" in JSON. */
static const char *with_unit(const char *name, const char *unit, char room[64])
{
    snprintf(room, 64, "%s_%s", name, unit);
    return room;
}

void sheet_null(struct sheet *s, const char *name)
{
    if (s->json)
        jsonout_null(&s->j, name);
    else
        put(s, name, SLICE("-"), false);
}

void sheet_text(struct sheet *s, const char *name, struct slice value)
{
    struct buf plain = {0};

    if (value.len == 0) {
        sheet_null(s, name);
        return;
    }
    if (s->json) {
        jsonout_text(&s->j, name, value);
        return;
    }
    sheet_plain(&plain, value, false);
    put(s, name, buf_view(&plain), false);
    buf_free(&plain);
}

void sheet_int(struct sheet *s, const char *name, int64_t value)
{
    if (s->json)
        jsonout_int(&s->j, name, value);
    else
        put_format(s, name, "%" PRId64, value);
}

void sheet_real(struct sheet *s, const char *name, double value)
{
    if (s->json)
        jsonout_real(&s->j, name, value, 2);
    else
        put_format(s, name, "%.1f", value);
}

static void measure(struct sheet *s, const char *name, const char *unit,
                    double value, int digits)
{
    char room[64];

    jsonout_real(&s->j, with_unit(name, unit, room), value, digits);
}

void sheet_percent(struct sheet *s, const char *name, double value)
{
    if (s->json)
        measure(s, name, "percent", value, 2);
    else
        put_format(s, name, "%.1f %%", value);
}

void sheet_memory(struct sheet *s, const char *name, uint64_t kb)
{
    double mb = (double)kb / 1024;

    if (s->json)
        measure(s, name, "mb", mb, 1);
    else
        put_format(s, name, "%.1f MB", mb);
}

void sheet_ms(struct sheet *s, const char *name, double ms)
{
    if (s->json)
        measure(s, name, "ms", ms, 3);
    else
        put_format(s, name, ms < 10 ? "%.2f ms" : "%.0f ms", ms);
}

void sheet_age(struct sheet *s, const char *name, uint64_t ms)
{
    uint64_t seconds = ms / 1000;
    unsigned rest = (unsigned)(seconds % 60);
    unsigned minutes = (unsigned)(seconds / 60 % 60);
    unsigned hours = (unsigned)(seconds / 3600 % 24);

    if (s->json)
        measure(s, name, "seconds", (double)ms / 1000, 3);
    else if (seconds < 60)
        put_format(s, name, "%.3fs", (double)ms / 1000);
    else if (seconds < 3600)
        put_format(s, name, "%um %02us", minutes, rest);
    else if (seconds < 86400)
        put_format(s, name, "%uh %02um", hours, minutes);
    else
        put_format(s, name, "%" PRIu64 "d %02uh", seconds / 86400, hours);
}

void sheet_time(struct sheet *s, const char *name, int64_t wall_ms)
{
    time_t seconds = wall_ms / 1000;
    char text[40];
    struct tm tm;

    if (s->json) {
        jsonout_time(&s->j, name, wall_ms);
        return;
    }
    if (wall_ms == 0 || gmtime_r(&seconds, &tm) == NULL) {
        sheet_null(s, name);
        return;
    }
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &tm);
    put(s, name, slice_of(text), false);
}
