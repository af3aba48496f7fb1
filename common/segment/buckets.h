/*
 * buckets: token buckets in the segment, which all workers share: who has made
 * how many requests of a kind lately. A bucket is two words: a key (a hash, of
 * the kind and of who asks, with a seed that nobody outside knows) and the
 * time when it will be full again (the "theoretical arrival time" of GCRA, the
 * generic cell rate algorithm of ITU-T I.371). A request moves that time on by
 * one compare-and-swap; nothing is ever locked, nothing has to be filled up,
 * and a process that dies at any instruction leaves a bucket with one request
 * more or less in it.
 *
 * The table is bounded: 65,536 buckets in sets of eight. A bucket that is full
 * again says nothing, and is taken by the next key that needs one. When all
 * eight of a set are in use, the newcomer takes the fullest of them, *with
 * what is missing in it* (Metwally's space-saving), but has one request at
 * least. So a flood of addresses
 *   - resets nobody: who comes back finds no more left than there was, or pays
 *     one bucket's last place for one request;
 *   - locks nobody out: whoever is new has a request, whatever the others do.
 * To fill the table takes as many addresses as it has buckets, each of them
 * busy, and then all that suffers is the burst of those who come new.
 *
 * Two that change a bucket in the same instant may charge a request to the
 * wrong one of them. Times are CLOCK_MONOTONIC in ns.
 */
#ifndef PRONG_BUCKETS_H
#define PRONG_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"

struct buckets;

/* How large a bucket is, and how fast it fills. every_ns * burst is at most
 * 2^62 ns. */
struct buckets_rule {
    uint64_t every_ns; /* one more request is allowed after so long, > 0 */
    uint64_t burst;    /* at once, after a long silence; 1 at least */
};

/* What is in a bucket, after the request if one was taken. */
struct buckets_level {
    bool admitted;    /* there was one left, or is */
    uint64_t left;    /* requests that would be admitted now */
    uint64_t wait_ns; /* until one would be; 0: now */
    uint64_t full_ns; /* until all of the burst would be */
};

/* Bytes of its region, to be initialised once, before the first fork. */
size_t buckets_size(void);
void buckets_init(struct buckets *b, uint64_t seed);

/* A number for a kind of limit ("GET /api/chefs"), to be kept. */
uint64_t buckets_kind(const struct buckets *b, struct slice name);
/* The key of one who is limited by it. */
uint64_t buckets_key(uint64_t kind, struct slice who);

/* Takes one request out, if there is one. */
void buckets_take(struct buckets *b, uint64_t key,
                  const struct buckets_rule *rule, uint64_t now_ns,
                  struct buckets_level *out);
/* Only looks: of who is not there, all is left. */
void buckets_look(const struct buckets *b, uint64_t key,
                  const struct buckets_rule *rule, uint64_t now_ns,
                  struct buckets_level *out);

#endif
