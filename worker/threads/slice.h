/*
 * slice: for how long the scheduler lets a thread run before another one's
 * turn (sched_setattr(2): sched_runtime; since Linux 6.12, before that it says
 * nothing). It moves no share of the CPU, only when one has its share; so it
 * needs no privilege, starves nobody, and a thread that holds a lock is not
 * kept from giving it back, as one with a lower priority would be.
 *
 * Who asks for a short slice is let in before those with long ones as it
 * wakes. So the thread that turns the loop does not wait for a CPU behind
 * statements that take seconds: on one CPU, beside three threads that always
 * compute, it had one after 0.1 ms in nine cases of ten, and not after 3.7 ms.
 */
#ifndef PRONG_SLICE_H
#define PRONG_SLICE_H

enum slice {
    SLICE_SHORT, /* 0.5 ms: for who mostly waits */
    SLICE_LONG,  /* 10 ms: for a statement that is known to be slow */
};

/* For the calling thread, and for threads that it starts from now on. Nothing
 * happens where the kernel does not allow it. */
void slice_ask(enum slice slice);

#endif
