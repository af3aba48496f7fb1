/*
 * crowd: who is connected to the workers: how many connections each address
 * has, and how many there are in all, and what is held for them; in the
 * segment.
 *
 * Each slot has a table of its own, with one writer, the worker in it; whoever
 * wants to know adds up. So a worker that dies at any instruction takes its
 * counts with it: the master takes its slot out of the sum, and the next one
 * there begins with an empty table. Nobody waits for anybody: two workers that
 * accept in the same instant may together let one connection too many in.
 *
 * An address is known by a hash of it with a secret seed (IPv6: of its /64,
 * which is what one customer has). A slot's table has 8,192 places in sets of
 * eight; when a set is full, the address with the fewest connections is
 * forgotten. So a crowd of many addresses lets some of them have more
 * connections than they should, but nobody is refused for others.
 */
#ifndef PRONG_CROWD_H
#define PRONG_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crowd;

/* Bytes of its region, to be initialised once, before the first fork. */
size_t crowd_size(void);
void crowd_init(struct crowd *c, uint64_t seed);

/* ---- by the worker in `slot` ----*/

/* It begins, and has no connections. */
void crowd_join(struct crowd *c, unsigned slot);

/* The key of an address; 0 of what is none, as the "" of a unix socket. */
uint64_t crowd_key(const struct crowd *c, const char *address);

/* A connection comes and goes. Key 0 is counted in the whole only. */
void crowd_enter(struct crowd *c, unsigned slot, uint64_t key);
void crowd_leave(struct crowd *c, unsigned slot, uint64_t key);

/* Why one was not let in: counted, and never reset. */
enum crowd_refusal { CROWD_ADDRESS, CROWD_ALL, CROWD_REFUSALS };
void crowd_refuse(struct crowd *c, enum crowd_refusal why);

/* So many of its connections are idle, the first of them since then. */
void crowd_tell_idle(struct crowd *c, unsigned slot, uint32_t count,
                     uint64_t since_ms);
/* So many bytes of answers wait in it for clients who do not take them. */
void crowd_tell_unsent(struct crowd *c, unsigned slot, uint64_t bytes);
/* It ended a connection, because those were too many: counted, and never
 * reset. */
void crowd_end_unread(struct crowd *c);
/* True when somebody has asked it to close an idle one; once for each time. */
bool crowd_is_asked(struct crowd *c, unsigned slot);

/* ---- by anybody ----*/

/* Connections of that address; and of all. */
uint64_t crowd_of(const struct crowd *c, uint64_t key);
uint64_t crowd_all(const struct crowd *c);
uint64_t crowd_refused(const struct crowd *c, enum crowd_refusal why);
uint64_t crowd_unsent(const struct crowd *c);
uint64_t crowd_ended_unread(const struct crowd *c);

/* The slot, other than `but`, with the connection that is idle for longest;
 * false when there is none that was not asked for. */
bool crowd_idlest(const struct crowd *c, unsigned but, unsigned *slot,
                  uint64_t *since_ms);
/* Asks it to close that one. The caller rings its bell. */
void crowd_ask(struct crowd *c, unsigned slot);

/* ---- by the master ----*/

/* The process of that slot is gone, and its connections with it. */
void crowd_forget(struct crowd *c, unsigned slot);

#endif
