#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/remote.h"
#include "common/sandbox/capabilities.h"
#include "common/syslogger.h"
#include "master/spawn.h"

#include "master/daemon.h"

/* Whom the workers run as. Before daemon_identify: whoever we are. */
static struct {
    bool other;     /* differs from the master's own */
    char user[256]; /* for its supplementary groups; "" when unset */
    uid_t uid;
    gid_t gid;
} identity;

static bool to_id(const char *text, unsigned *id)
{
    int64_t number;

    if (!text_int64(slice_of(text), &number) || number < 0 ||
        number >= UINT32_MAX) /* (uid_t)-1 means "leave it" to the kernel */
        return false;
    *id = (unsigned)number;
    return true;
}

/* A number needs no entry in /etc/passwd; containers often have none. */
static bool find_user(const char *name, struct fault *fault)
{
    const struct passwd *entry = getpwnam(name);

    if (entry == NULL && to_id(name, &identity.uid))
        entry = getpwuid(identity.uid);
    else if (entry == NULL)
        return fault_set(fault, "user: no such user: %s", name);
    if (entry == NULL)
        return true;
    identity.uid = entry->pw_uid;
    identity.gid = entry->pw_gid; /* a group that is set comes after it */
    size_t len = strlen(entry->pw_name);
    if (len >= sizeof identity.user)
        return fault_set(fault, "user: %s: the name is too long", name);
    memcpy(identity.user, entry->pw_name, len + 1);
    return true;
}

static bool find_group(const char *name, struct fault *fault)
{
    const struct group *entry = getgrnam(name);

    if (entry)
        identity.gid = entry->gr_gid;
    else if (!to_id(name, &identity.gid))
        return fault_set(fault, "group: no such group: %s", name);
    return true;
}

bool daemon_identify(const struct settings *s, struct fault *fault)
{
    identity.uid = geteuid();
    identity.gid = getegid();
    if (s->user && !find_user(s->user, fault))
        return false;
    if (s->group && !find_group(s->group, fault))
        return false;
    identity.other = identity.uid != geteuid() || identity.gid != getegid();
    if (identity.other && geteuid() != 0)
        return fault_set(fault, "user, group: only root can change them");
    return true;
}

bool daemon_enter(const struct settings *s, struct fault *fault)
{
    umask((mode_t)s->umask);
    if (s->chdir && chdir(s->chdir) != 0)
        return fault_set(fault, "chdir: %s: %s", s->chdir, strerror(errno));
    return true;
}

void daemon_give(const char *path)
{
    if (identity.other && lchown(path, identity.uid, identity.gid) != 0)
        log_warning("Cannot give %s to the workers' user: %s", path,
                    strerror(errno));
}

/* Workers may not be allowed to make the file, so the master makes it. */
static void make_and_give(const char *path)
{
    struct stat st;

    if (!identity.other || path == NULL || strcmp(path, "-") == 0)
        return;
    int fd = open(path,
                  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
                      O_NONBLOCK,
                  0640);
    if (fd < 0)
        return; /* a pipe, a link, a socket: as the operator made it */
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        fchown(fd, identity.uid, identity.gid) != 0)
        log_warning("Cannot give %s to the workers' user: %s", path,
                    strerror(errno));
    close(fd);
}

/* What is outside may be away for now: that is no reason not to serve. The
 * statsd is the keeper's, which finds what was looked up here (remote.h). */
static void find_others(const struct settings *s)
{
    struct remote ignored;
    struct fault fault;

    if (!syslogger_open(s, &fault))
        log_warning("syslog: %s; no lines go there until a reload", fault.text);
    if (s->statsd_host)
        remote_find(s->statsd_host, STATSD_PORT, &ignored, &fault);
}

bool daemon_log(const struct settings *s, struct fault *fault)
{
    enum log_level level = LOG_INFO;
    bool json = s->log_format && strcmp(s->log_format, "json") == 0;

    make_and_give(s->errorlog);
    make_and_give(s->accesslog);
    make_and_give(s->performance_log);
    if (s->errorlog == NULL)
        return true;
    if (s->loglevel && !log_level_named(s->loglevel, &level))
        return fault_set(fault, "loglevel: no such level: %s", s->loglevel);
    if (!log_open(s->errorlog, level, json))
        return fault_set(fault, "errorlog: %s: %s", s->errorlog,
                         strerror(errno));
    find_others(s);
    return true;
}

bool daemon_silence(struct fault *fault)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return fault_set(fault, "/dev/null: %s", strerror(errno));
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (null != fd)
            dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
    return true;
}

bool daemon_detach(struct fault *fault)
{
    /* The second child leads no session, so it can never get a terminal. */
    if (!spawn_leave_parent() || setsid() < 0 || !spawn_leave_parent())
        return fault_set(fault, "Cannot detach: %s", strerror(errno));
    return daemon_silence(fault);
}

void daemon_limit(const struct settings *s)
{
    if (!s->no_sandbox && !capabilities_limit(capabilities_of_master))
        log_warning("Cannot give up capabilities: %s", strerror(errno));
}

void daemon_environment(const struct settings *s)
{
    for (size_t i = 0; i < s->raw_env.count; i++) {
        char *pair = strdup(s->raw_env.at[i]);
        char *equals = pair ? strchr(pair, '=') : NULL;

        if (equals) {
            *equals = '\0';
            setenv(pair, equals + 1, 1);
        }
        free(pair);
    }
}

static bool drop_groups(void)
{
    if (identity.user[0])
        return initgroups(identity.user, identity.gid) == 0;
    return setgroups(1, &identity.gid) == 0;
}

bool daemon_drop(struct fault *fault)
{
    if (!identity.other)
        return true;
    /* In this order: without the user's rights the groups could not go. */
    if (!drop_groups() || setgid(identity.gid) != 0 ||
        setuid(identity.uid) != 0)
        return fault_set(fault, "Cannot become user %u, group %u: %s",
                         identity.uid, identity.gid, strerror(errno));
    if (identity.uid != 0 && setuid(0) == 0)
        return fault_set(fault, "Root's rights could not be given up");
    return true;
}
