/*
 * Lines of the operator's socket, and what prong top reads back. An order that
 * is taken can be said again in the words of its parts, blanks do not matter,
 * and nothing that is printed steers a terminal.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "master/control/order_line.h"
#include "master/control/sheet.h"
#include "master/control/top_figures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(struct slice text)
{
    static struct buf plain, again;

    buf_clear(&plain);
    buf_clear(&again);
    sheet_plain(&plain, text, false);
    assert(plain.len <= text.len && sheet_width(buf_view(&plain)) <= text.len);
    assert(plain.len == 0 || text_is_utf8(buf_view(&plain)));
    for (size_t i = 0; i < plain.len; i++)
        assert((unsigned char)plain.data[i] >= 0x20 && plain.data[i] != 0x7f);
    sheet_plain(&again, buf_view(&plain), false);
    assert(slice_equal(buf_view(&again), buf_view(&plain)));
}

static void check_order(struct slice line, const struct order *o)
{
    assert(o->verb < ORDERS && o->number >= 1 && o->number <= 1 << 30);
    assert((o->verb == ORDER_KILL) == (o->id.len > 0));
    assert(o->id.len == 0 || (o->id.ptr >= line.ptr &&
                              o->id.ptr + o->id.len <= line.ptr + line.len));
    assert(!o->process || o->verb == ORDER_REMOVE || o->verb == ORDER_REPLACE);
}

/* With more blanks, and with "json" before it. */
static void say_again(struct slice line, const struct order *o)
{
    static struct buf text;
    struct order again;
    struct fault fault;

    buf_clear(&text);
    buf_string(&text, o->json ? "  " : " json  ");
    for (size_t i = 0; i < line.len; i++)
        buf_add(&text, line.ptr[i] == ' ' ? "  " : line.ptr + i,
                line.ptr[i] == ' ' ? 2 : 1);
    assert(order_read(buf_view(&text), &again, &fault));
    assert(again.json && again.verb == o->verb && again.number == o->number);
    assert(again.process == o->process && slice_equal(again.id, o->id));
}

static void check_line(struct slice line)
{
    struct order o;
    struct fault fault = {""};

    if (order_read(line, &o, &fault)) {
        check_order(line, &o);
        say_again(line, &o);
    } else {
        assert(fault.text[0]);
        check_plain(slice_of(fault.text));
    }
}

static void check_figures(struct slice text)
{
    static struct top_figures f, nothing;
    struct top_rates r;

    if (!top_figures_read(text, &f))
        return;
    assert(strlen(f.app) < sizeof f.app && strlen(f.state) < sizeof f.state);
    assert(f.workers.len + f.requests_table.len <= text.len);
    top_rates_between(&r, &nothing, &f);
    assert(r.p50_ms >= 0 && r.p99_ms >= r.p50_ms);
    top_rates_between(&r, &f, &f);
    assert(r.seconds == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};

    check_line(text);
    check_plain(text);
    check_figures(text);
    return 0;
}
