/*
 * backup_folder: the folder of the server's own backups. Their names,
 * APP-YYYYMMDDTHHMMSSZ.db, say when they were begun (UTC); so the newest
 * tells, after a restart too, when the next is due, and the oldest is known.
 * Files of any other name are left alone.
 */
#ifndef PRONG_BACKUP_FOLDER_H
#define PRONG_BACKUP_FOLDER_H

#include <stddef.h>
#include <stdint.h>

enum { BACKUP_NAME = 128 }; /* bytes, with the NUL */

/* The name of the one that is begun at that time (Unix ms). What cannot stand
 * in a file's name became '-' in the app's; it is cut after 100 bytes. */
void backup_folder_name(const char *app, int64_t at_ms, char name[BACKUP_NAME]);
/* When the newest was begun, Unix ms; 0 when there is none. */
int64_t backup_folder_newest(const char *folder, const char *app);
/* Removes all but the `keep` newest. Returns how many. */
size_t backup_folder_prune(const char *folder, const char *app, size_t keep);

#endif
