/*
 * orders: what an operator may ask of a running master, by a signal or over
 * the control socket, and what it may see. Each takes effect at the end of
 * the present turn of the master's loop, so it may be called from any watch
 * of that loop. Master only.
 */
#ifndef PRONG_ORDERS_H
#define PRONG_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "master/crew.h"
#include "master/reload.h"

struct bells;
struct loop;
struct supervisor;
struct unixsocket;

enum stop { STOP_NOT, STOP_GRACEFUL, STOP_QUICK };

/* As HUP: the next generation, unless it does not prove itself. Returns what
 * reload_news.over will be when it is over. */
unsigned orders_reload(struct supervisor *s);
/* As USR1: everybody opens its logs again. */
void orders_reopen(struct supervisor *s);
/* As TTIN and TTOU: so many workers more or fewer, at least one, within
 * --workers-min and --workers-max. Returns how many are wanted now. */
int64_t orders_scale(struct supervisor *s, int64_t more);
/* As TERM, or INT. A quick one after a graceful one hurries it; never back. */
void orders_stop(struct supervisor *s, enum stop how);
/* The worker is replaced: drains as soon as another one is ready. False when
 * no worker that is ready has this id. */
bool orders_replace(struct supervisor *s, pid_t pid);

/* As USR2: the next master is started beside this one. False with the reason.
 */
bool orders_upgrade(struct supervisor *s, struct fault *fault);

/* What is under way. */
enum stop orders_stopping(const struct supervisor *s);
bool orders_reloading(const struct supervisor *s);
/* How the last reload ended; valid until the end of the turn. */
const struct reload_news *orders_reload_news(const struct supervisor *s);
/* The master that hands over to this one and is still there; 0: none. */
pid_t orders_former(const struct supervisor *s);
/* Nobody is left: the master ends with this turn. */
bool orders_gone(const struct supervisor *s);
/* The master that was started beside this one; 0: none. Whether all of its
 * workers serve; and if it is gone, why, in a sentence. */
pid_t orders_successor(const struct supervisor *s);
bool orders_successor_ready(const struct supervisor *s);
const char *orders_successor_failure(const struct supervisor *s);
/* The control socket, which the next master is to get, and its path; -1: there
 * is none. */
int orders_control_socket(const struct supervisor *s, const char **path);
/* The former master is gone, and its control socket is ours. */
void orders_promote_control(const struct supervisor *s);
/* Takes the control socket of the former master, once: see upgrade_control. */
bool orders_inherit_control(const struct supervisor *s,
                            struct unixsocket *socket, const char **path);
/* The next master has this one's control socket, too. */
bool orders_passes_control_on(const struct supervisor *s);
/* How many workers are wanted. */
int64_t orders_wanted(const struct supervisor *s);

/* The generation that serves; valid until the end of the turn. */
const struct generation *orders_present(const struct supervisor *s);
/* What a reload would load now; to be given back. False with the reason. */
bool orders_load(const struct supervisor *s, struct generation *out,
                 struct fault *fault);
void orders_release(const struct supervisor *s, struct generation *g);
/* Everybody who has a slot, in the order of slots, the keeper last; at most
 * `most`. Returns how many. */
size_t orders_hands(const struct supervisor *s, struct hand_view *out,
                    size_t most);

/* The master's own, for those who serve operators from within it. */
struct loop *orders_loop(const struct supervisor *s);
const struct shared *orders_shared(const struct supervisor *s);
const struct bells *orders_bells(const struct supervisor *s);

#endif
