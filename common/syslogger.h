/*
 * syslogger: the lines of the logs once more, to a syslog, as Gunicorn sends
 * them: one message a line,
 *
 *   <PRIORITY>prong.PREFIX.error[PID]: text      of the error log
 *   <PRIORITY>prong.PREFIX.access[PID]: text     of the access log
 *
 * (RFC 3164, 4.1 without the time and the host's name, which the receiver
 * puts there, 4.3.3; "prong.error" without a prefix). A datagram is a
 * message; in a stream a newline ends it (RFC 6587, 3.4.2), in that of a unix
 * socket a NUL (as syslog(3) does).
 *
 * Nobody ever waits for it, and it keeps no more than PENDING_MAX bytes: what
 * the other side does not take is lost, counted and told once, and once more
 * when it is back. A stream that broke is opened anew at most once a second.
 *
 * One a process, opened again after a fork; lines may come from several
 * threads.
 */
#ifndef PRONG_SYSLOGGER_H
#define PRONG_SYSLOGGER_H

#include <stdbool.h>

#include "common/log.h"
#include "common/settings/settings.h"
#include "common/text.h"

enum syslogger_from { SYSLOGGER_ERROR, SYSLOGGER_ACCESS };

/*
 * As the settings say: opened, or closed when they want none. It is no reason
 * not to serve when it cannot be: false with the reason, and the next reload
 * tries again.
 */
bool syslogger_open(const struct settings *s, struct fault *fault);
void syslogger_close(void);

/* Whether lines of the access log go there. */
bool syslogger_wants_access(void);
/* The socket, which a child keeps; -1: none. */
int syslogger_descriptor(void);

/* Sends a line, without its newline; longer ones are cut at 8,192 bytes.
 * Nothing while it is closed. errno stays. */
void syslogger_line(enum syslogger_from from, enum log_level level,
                    struct slice line);

#endif
