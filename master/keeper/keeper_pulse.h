/*
 * keeper_pulse: a sign of life while a call lasts that cannot give one itself:
 * a checkpoint of a WAL that a long reader has let grow to gigabytes takes
 * longer than the master's patience, and a keeper that is killed in the midst
 * of it begins from the first page again. By a timer and its signal (ALRM),
 * which interrupts nothing: calls begun go on.
 */
#ifndef PRONG_KEEPER_PULSE_H
#define PRONG_KEEPER_PULSE_H

#include "common/segment/heritage.h"

enum { PULSE_MAX_S = 600 }; /* what takes longer does hang */

/* Beats for `slot` each second from now on, until keeper_pulse_stop. One at a
 * time in a process. */
void keeper_pulse_start(struct slot *slot);
void keeper_pulse_stop(void);

#endif
