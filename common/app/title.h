/*
 * title: what `ps` shows for this process, "prong: master [name]". Linux has
 * no call for it: the title overwrites the memory in which the kernel left
 * argv and the environment, so both are copied away first.
 */
#ifndef PRONG_TITLE_H
#define PRONG_TITLE_H

struct settings;

/*
 * Once, first thing in main, before anyone keeps a pointer into argv or
 * environ. Returns a copy of argv that stays valid for the whole process; the
 * original must not be used again.
 */
char **title_init(int argc, char **argv);

/*
 * "prong: ROLE [NAME]", NAME being the setting proc_name or else the app's
 * folder; cut when the memory is too small. Harmless without title_init.
 */
void title_set(const char *role, const struct settings *s);

#endif
