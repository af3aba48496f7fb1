/*
 * top_screen: the page of prong top, as text of so many rows and columns; and
 * the terminal that it is shown on. Only one at a time.
 */
#ifndef PRONG_TOP_SCREEN_H
#define PRONG_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "master/control/top_figures.h"

struct top_size {
    size_t rows, columns; /* 0: as many as there are */
    bool terminal;        /* with control sequences (ECMA-48) */
};

/* Appends the page. `note` stands in its last head line: what is wrong, ""
 * when nothing is. */
void top_draw(struct buf *out, const struct top_figures *now,
              const struct top_rates *rates, const char *note,
              struct top_size size);

/* Takes the terminal over: keys come one by one, the screen is another one.
 * TERM, INT and HUP end the next wait. False with errno set. */
bool top_screen_open(void);
/* The terminal is as it was. Harmless when it was not opened. */
void top_screen_close(void);
struct top_size top_screen_size(void);
/* False when the terminal is gone. */
bool top_screen_show(const struct buf *page);

enum top_event { TOP_TIME, TOP_QUIT, TOP_RESIZED };

/* Waits for so long, for a key that ends, or for another size. */
enum top_event top_screen_wait(int timeout_ms);

#endif
