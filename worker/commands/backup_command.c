#include <stdio.h>
#include <stdlib.h>

#include "worker/commands/backup_words.h"
#include "worker/db/db.h"

#include "worker/commands/backup_command.h"

static const char usage[] =
    "usage: prong backup APP FILE [--database PATH] [--quiet]\n"
    "\n"
    "Copies the database of the app in the folder APP, as of one moment, into\n"
    "FILE; a server may go on serving and writing meanwhile. The copy is\n"
    "checked before it takes FILE's name.\n";

static int make(const struct backup_words *words)
{
    char database[BACKUP_PATH];
    struct backup_report report;
    struct backup_line line;
    struct fault fault;

    if (!backup_words_database(words, database, &fault))
        return backup_complain(&fault);
    db_init();
    backup_line_begin(&line, words->quiet);
    bool ok =
        backup_make(database, words->file, &line.progress, &report, &fault);
    backup_line_end(&line);
    if (!ok)
        return backup_complain(&fault);
    if (!words->quiet) {
        printf("%s: ", words->file);
        backup_print_figures(report.bytes, report.took_ns, report.orphans);
        putchar('\n');
    }
    return EXIT_SUCCESS;
}

int backup_command(int argc, char **argv)
{
    struct backup_words words = {.usage = usage};
    int code;

    return backup_words_read(&words, argc, argv, &code) ? make(&words) : code;
}
