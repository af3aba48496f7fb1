/*
 * program: where the file of this program is, so that it can be run again.
 */
#ifndef PRONG_PROGRAM_H
#define PRONG_PROGRAM_H

/*
 * A path, relative to the present folder or absolute, that leads to what runs
 * here: argv[0], looked up in PATH as a shell would, or, when that leads to
 * something else (argv[0] may be anything), what /proc/self/exe says. Links
 * are not resolved, so once one of them leads to a newer file, that is run.
 * The caller frees it.
 */
char *program_find(const char *argv0);

#endif
