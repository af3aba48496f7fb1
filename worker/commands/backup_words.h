/*
 * backup_words: what `prong backup` and `prong restore` have in common: their
 * words, whose database is meant, the line that shows how far they are, and
 * being told to stop.
 */
#ifndef PRONG_BACKUP_WORDS_H
#define PRONG_BACKUP_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "worker/db/backup.h"

struct backup_words {
    const char *usage; /* printed by --help, and after a complaint */
    const char *app;
    const char *file;
    const char *database; /* null: the one that app.conf names */
    bool quiet;
};

enum { BACKUP_PATH = 4096 };

/*
 * argv[2] and on: APP FILE [--database PATH] [--quiet]. False when there is
 * nothing more to do: *code is the exit code, after the complaint or the help.
 */
bool backup_words_read(struct backup_words *w, int argc, char **argv,
                       int *code);
/* The app's database. Reads app.conf and nothing else, so an app that does not
 * load can still be saved. False with the reason. */
bool backup_words_database(const struct backup_words *w,
                           char database[BACKUP_PATH], struct fault *fault);

/* "Error: reason" on standard error; returns EXIT_FAILURE. */
int backup_complain(const struct fault *fault);
/* "12.3 MB in 0.8 s, checked", and what there is to say about orphans. */
void backup_print_figures(uint64_t bytes, uint64_t took_ns, uint64_t orphans);

/* A line that is written over again and again, on a terminal only. */
struct backup_line {
    struct backup_progress progress; /* `self` must stay in place */
    bool shown;                      /* on a terminal, and not --quiet */
    bool dirty;                      /* something stands in it */
    uint64_t begin_ns;
    uint64_t next_ns; /* not written again before that */
};

/* From now on TERM, INT and HUP make the progress say that it gives up. */
void backup_line_begin(struct backup_line *l, bool quiet);
/* Clears the line. */
void backup_line_end(struct backup_line *l);

#endif
