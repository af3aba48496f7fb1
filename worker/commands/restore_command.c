#include <stdio.h>
#include <stdlib.h>

#include "worker/commands/backup_words.h"
#include "worker/db/db.h"
#include "worker/db/restore.h"

#include "worker/commands/restore_command.h"

static const char usage[] =
    "usage: prong restore APP FILE [--database PATH] [--quiet]\n"
    "\n"
    "Puts the backup FILE into the place of the database of the app in the\n"
    "folder APP, after checking it. The server must be stopped. The former\n"
    "database is kept beside it, as DATABASE.before-YYYYMMDDTHHMMSSZ.\n"
    "Migrations that are newer than the backup are applied at the next "
    "start.\n";

static void report_it(const struct backup_words *words, const char *database,
                      const struct restore_report *report)
{
    printf("%s: restored from %s, ", database, words->file);
    backup_print_figures(report->bytes, report->took_ns, report->orphans);
    putchar('\n');
    if (*report->aside)
        printf("The former database is %s%s\n", report->aside,
               report->journal ? ", with its journal beside it" : "");
}

static int make(const struct backup_words *words)
{
    char database[BACKUP_PATH];
    struct restore_report report;
    struct backup_line line;
    struct fault fault;

    if (!backup_words_database(words, database, &fault))
        return backup_complain(&fault);
    db_init();
    backup_line_begin(&line, words->quiet);
    bool ok =
        restore_make(database, words->file, &line.progress, &report, &fault);
    backup_line_end(&line);
    if (!ok)
        return backup_complain(&fault);
    if (!words->quiet)
        report_it(words, database, &report);
    return EXIT_SUCCESS;
}

int restore_command(int argc, char **argv)
{
    struct backup_words words = {.usage = usage};
    int code;

    return backup_words_read(&words, argc, argv, &code) ? make(&words) : code;
}
