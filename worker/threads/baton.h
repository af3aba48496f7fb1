/*
 * baton: what only one thread at a time may hold; for relay. A ticket lock:
 * who draws ticket n holds it while n is served, so it is had in the order in
 * which it was asked for. Having it and giving it back costs two atomic
 * operations as long as nobody waits.
 */
#ifndef PRONG_BATON_H
#define PRONG_BATON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct baton {
    _Atomic uint64_t drawn;  /* tickets so far */
    _Atomic uint64_t served; /* the one that holds it; equal: it lies about */
    pthread_mutex_t lock;    /* for sleeping */
    pthread_cond_t moved;    /* served did */
};

/* The caller holds it. */
void baton_init(struct baton *b);
void baton_end(struct baton *b);

/* By its holder. */
void baton_put_down(struct baton *b);
/* Does somebody wait for it? By its holder. */
bool baton_is_wanted(const struct baton *b);
/* Draws a ticket; true when the baton is ours, or else baton_wait has to be
 * called with it. */
bool baton_draw(struct baton *b, uint64_t *ticket);
void baton_wait(struct baton *b, uint64_t ticket);

/* True when it lies about; *since is another number whenever somebody has
 * held it in between. By anybody. */
bool baton_lies(const struct baton *b, uint64_t *since);
/* Takes it if it has lain there since then. */
bool baton_take(struct baton *b, uint64_t since);

#endif
