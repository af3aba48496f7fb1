#include <inttypes.h>

#include "master/control/sheet.h"

#include "master/control/top_screen.h"

static const char bold[] = "\033[1m";
static const char reverse[] = "\033[7m";
static const char plain[] = "\033[m";
static const char clear_line[] = "\033[K";

/* A page while it is written. */
struct page {
    struct buf *out;
    struct top_size size;
    size_t rows; /* written so far */
};

/* ---- lines --------------------------------------------------------------- */

/* As much of it as the columns hold; characters are not cut in half. */
static struct slice fit(struct slice line, size_t columns)
{
    size_t width = 0;

    for (size_t i = 0; columns > 0 && i < line.len; i++) {
        width += ((unsigned char)line.ptr[i] & 0xc0) != 0x80;
        if (width > columns)
            return (struct slice){line.ptr, i};
    }
    return line;
}

static bool is_full(const struct page *p)
{
    return p->size.rows > 0 && p->rows >= p->size.rows;
}

/* On a terminal the cursor stays in the last row: a line's end there would
 * push the first one out. */
static void put_line(struct page *p, const char *style, struct slice line)
{
    if (is_full(p))
        return;
    if (p->rows++ > 0)
        buf_string(p->out, p->size.terminal ? "\r\n" : "\n");
    if (p->size.terminal)
        buf_string(p->out, style);
    buf_slice(p->out, fit(line, p->size.columns));
    if (p->size.terminal)
        buf_format(p->out, "%s%s", clear_line, plain);
}

static void put_buf(struct page *p, const char *style, struct buf *line)
{
    put_line(p, style, buf_view(line));
    buf_clear(line);
}

static void put_table(struct page *p, struct slice table)
{
    const char *style = reverse;

    put_line(p, plain, SLICE(""));
    while (table.ptr) {
        put_line(p, style, slice_cut(&table, '\n'));
        style = plain;
    }
}

/* ---- the head ------------------------------------------------------------ */

static void add_age(struct buf *line, uint64_t ms)
{
    uint64_t minutes = ms / 60000;

    if (minutes < 60)
        buf_format(line, "%" PRIu64 "m %02us", minutes,
                   (unsigned)(ms / 1000 % 60));
    else if (minutes < 1440)
        buf_format(line, "%" PRIu64 "h %02um", minutes / 60,
                   (unsigned)(minutes % 60));
    else
        buf_format(line, "%" PRIu64 "d %02uh", minutes / 1440,
                   (unsigned)(minutes / 60 % 24));
}

static void put_server(struct page *p, struct buf *line,
                       const struct top_figures *now)
{
    buf_format(line, "prong %s: %s, up ", now->app, now->state);
    add_age(line, now->uptime_ms);
    buf_format(line,
               ", generation %" PRIu64 ", workers %" PRIu64 " of %" PRIu64,
               now->generation, now->ready, now->wanted);
    if (now->draining > 0)
        buf_format(line, " (%" PRIu64 " draining)", now->draining);
    put_buf(p, bold, line);
}

static void put_requests(struct page *p, struct buf *line,
                         const struct top_rates *r)
{
    buf_format(line,
               "requests %.1f/s, errors %.1f/s (%.1f %%), p50 %.2f ms, p95 "
               "%.2f ms, p99 %.2f ms",
               r->requests, r->errors, r->error_percent, r->p50_ms, r->p95_ms,
               r->p99_ms);
    put_buf(p, plain, line);
}

static void put_others(struct page *p, struct buf *line,
                       const struct top_figures *now, const struct top_rates *r)
{
    buf_string(line, "cache hits ");
    if (r->cacheable)
        buf_format(line, "%.1f %%", r->hit_percent);
    else
        buf_byte(line, '-');
    buf_format(line,
               ", connections %" PRIu64 " (%.1f/s new), backlog %" PRIu64
               ", writes waiting %" PRIu64,
               now->connections, r->accepted, now->backlog,
               now->writes_waiting);
    buf_format(line, ", out %.2f MB/s, memory %.1f MB", r->bytes_out / 1e6,
               (double)now->memory_kb / 1024);
    put_buf(p, plain, line);
}

void top_draw(struct buf *out, const struct top_figures *now,
              const struct top_rates *rates, const char *note,
              struct top_size size)
{
    struct page p = {.out = out, .size = size};
    struct buf line = {0};

    if (size.terminal)
        buf_string(out, "\033[H");
    put_server(&p, &line, now);
    put_requests(&p, &line, rates);
    put_others(&p, &line, now, rates);
    if (*note)
        put_line(&p, reverse, slice_of(note));
    put_table(&p, now->workers);
    put_table(&p, now->requests_table);
    buf_string(out, size.terminal ? "\033[J" : "\n");
    buf_free(&line);
}
