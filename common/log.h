/*
 * log: the error log, one line a record, in Gunicorn's form
 *   [2026-01-31 12:00:00 +0000] [pid] [LEVEL] message
 * or as one JSON object. A record is a single write(2) to a descriptor opened
 * with O_APPEND, so lines of several processes never mix. One log a process:
 * the master opens it, children inherit it. Calls before log_open go to
 * standard error.
 */
#ifndef PRONG_LOG_H
#define PRONG_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_CRITICAL };

enum { LOG_LEVELS = LOG_CRITICAL + 1 };

/*
 * Path "-" is standard error. False, with the reason in errno, when the file
 * cannot be opened; the log in use stays in use.
 */
bool log_open(const char *path, enum log_level level, bool json);
/* After a rotation (USR1): opens the same path again. */
bool log_reopen(void);
/* The descriptor lines go to, for --capture-output style redirection. */
int log_descriptor(void);
/* "debug" "info" "warning" "error" "critical"; false otherwise. */
bool log_level_named(const char *name, enum log_level *out);

/* Lines are counted there by their level from now on, by every process that
 * shares it; null: nowhere. */
void log_count(_Atomic uint64_t counts[LOG_LEVELS]);

/* The next error (or worse) that is logged is also kept there, cut short to
 * the room, and the others are not; null: nowhere. */
void log_keep(char *room, size_t size);

void log_write(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool log_enabled(enum log_level level);

#define log_debug(...)    log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)     log_write(LOG_INFO, __VA_ARGS__)
#define log_warning(...)  log_write(LOG_WARNING, __VA_ARGS__)
#define log_error(...)    log_write(LOG_ERROR, __VA_ARGS__)
#define log_critical(...) log_write(LOG_CRITICAL, __VA_ARGS__)

#endif
