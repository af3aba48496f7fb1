/* What a process does to itself is done by one of its own for each case. */
#include "tests/unit/crowd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include "common/log.h"
#include "master/daemon.h"

enum { NOBODY = 65534 }; /* on Linux, with an entry or without one */

static char folder[] = "/tmp/prong-test-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[2][96];
    static unsigned turn;
    char *p = path[turn++ % 2];

    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static int checks; /* so far */

/* In such a process: its exit code is the number of the check that failed. */
static void want(bool holds)
{
    checks++;
    if (!holds)
        _exit(checks);
}

static void passes(crowd_body *body)
{
    int code = crowd_run(body, NULL, 0);

    if (code != 0)
        fail_msg("check %d (or signal) does not hold", code);
}

/* ---- whose process it is -------------------------------------------------*/

static int refuses_strangers(void *self, unsigned number)
{
    static const char *const users[] = {
        "no such user", "-1", "4294967295", "4294967296", "7x", " 7", ""};
    struct fault fault;

    (void)self, (void)number;
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        want(!daemon_identify(&(struct settings){.user = users[i]}, &fault));
        want(strncmp(fault.text, "user: no such user: ", 20) == 0);
        want(!daemon_identify(&(struct settings){.group = users[i]}, &fault));
        want(strncmp(fault.text, "group: no such group: ", 22) == 0);
    }
    return 0;
}

static void names_that_nobody_bears(void **state)
{
    (void)state;
    passes(refuses_strangers);
}

static int stays_who_it_is(void *self, unsigned number)
{
    struct fault fault;
    char own[16], group[16];

    (void)self, (void)number;
    snprintf(own, sizeof own, "%u", geteuid());
    snprintf(group, sizeof group, "%u", getegid());
    uid_t before = geteuid();
    want(daemon_identify(&(struct settings){.app = "x"}, &fault));
    want(daemon_drop(&fault) && geteuid() == before);
    want(daemon_identify(&(struct settings){.user = own, .group = group},
                         &fault));
    want(daemon_drop(&fault) && geteuid() == before);
    return 0;
}

static void ones_own_name_is_no_change(void **state)
{
    (void)state;
    passes(stays_who_it_is);
}

static int only_root_changes(void *self, unsigned number)
{
    struct fault fault;

    (void)self, (void)number;
    if (geteuid() == 0 && setuid(NOBODY) != 0)
        return 77;
    want(!daemon_identify(&(struct settings){.user = "4242"}, &fault));
    want(strstr(fault.text, "only root"));
    want(!daemon_identify(&(struct settings){.group = "4242"}, &fault));
    want(strstr(fault.text, "only root"));
    return 0;
}

static void others_cannot_change(void **state)
{
    (void)state;
    passes(only_root_changes);
}

/* A number without an entry: the group is the one that is set, and there are
 * no others. */
static int becomes_a_number(void *self, unsigned number)
{
    const struct settings s = {.user = "4242", .group = "4243"};
    struct fault fault;
    gid_t groups[64];

    (void)self, (void)number;
    if (getpwuid(4242))
        return 0; /* somebody is: the next case then */
    want(daemon_identify(&s, &fault) && daemon_drop(&fault));
    want(getuid() == 4242 && geteuid() == 4242);
    want(getgid() == 4243 && getegid() == 4243);
    want(getgroups(64, groups) == 1 && groups[0] == 4243);
    want(setuid(0) != 0);
    return 0;
}

static int becomes_somebody(void *self, unsigned number)
{
    const struct settings s = {.user = "nobody"};
    const struct passwd *entry = getpwnam("nobody");
    struct fault fault;

    (void)self, (void)number;
    if (entry == NULL)
        return 0;
    uid_t uid = entry->pw_uid;
    gid_t gid = entry->pw_gid;
    want(daemon_identify(&s, &fault) && daemon_drop(&fault));
    want(getuid() == uid && getgid() == gid); /* the user's own group */
    want(setuid(0) != 0 && setgid(0) != 0);
    return 0;
}

static int gives_what_it_makes(void *self, unsigned number)
{
    const struct settings s = {.user = "4242", .group = "4243"};
    struct fault fault;
    struct stat st;

    (void)self, (void)number;
    const char *path = in_folder("given");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    want(fd >= 0 && close(fd) == 0);
    want(daemon_identify(&s, &fault));
    daemon_give(path);
    want(stat(path, &st) == 0 && st.st_uid == 4242 && st.st_gid == 4243);
    return 0;
}

static void root_changes_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    passes(becomes_a_number);
    passes(becomes_somebody);
    passes(gives_what_it_makes);
    unlink(in_folder("given"));
}

/* ---- its surroundings ----------------------------------------------------*/

static int enters(void *self, unsigned number)
{
    struct settings s = {.umask = 027, .chdir = folder};
    struct fault fault;
    struct stat here, there;

    (void)self, (void)number;
    want(daemon_enter(&s, &fault));
    want(umask(0) == 027);
    want(stat(".", &here) == 0 && stat(folder, &there) == 0);
    want(here.st_ino == there.st_ino);
    s.chdir = "none";
    want(!daemon_enter(&s, &fault));
    want(strcmp(fault.text, "chdir: none: No such file or directory") == 0);
    s.chdir = NULL;
    want(daemon_enter(&s, &fault));
    return 0;
}

static void folder_and_mask(void **state)
{
    (void)state;
    passes(enters);
}

static bool is_set(const char *name, const char *value)
{
    const char *set = getenv(name);

    return set && strcmp(set, value) == 0;
}

static int has_environment(void *self, unsigned number)
{
    const char *pairs[] = {"PRONG_A=1", "PRONG_B=x=y", "PRONG_C=", "PRONG_A=2"};
    const struct settings s = {.raw_env = {pairs, 4}};

    (void)self, (void)number;
    setenv("PRONG_C", "before", 1);
    daemon_environment(&s);
    want(is_set("PRONG_A", "2"));
    want(is_set("PRONG_B", "x=y"));
    want(is_set("PRONG_C", ""));
    want(strcmp(pairs[0], "PRONG_A=1") == 0); /* left as they were */
    return 0;
}

static void environment(void **state)
{
    (void)state;
    passes(has_environment);
}

static int logs(void *self, unsigned number)
{
    struct settings s = {.errorlog = in_folder("log"), .loglevel = "warning"};
    struct fault fault;

    (void)self, (void)number;
    want(daemon_log(&s, &fault));
    want(log_enabled(LOG_WARNING) && !log_enabled(LOG_INFO));
    s.loglevel = "loud";
    want(!daemon_log(&s, &fault));
    want(strcmp(fault.text, "loglevel: no such level: loud") == 0);
    s.loglevel = NULL;
    s.errorlog = in_folder("none/log");
    want(!daemon_log(&s, &fault));
    want(strncmp(fault.text, "errorlog: ", 10) == 0);
    s.errorlog = NULL; /* stays with the present one */
    want(daemon_log(&s, &fault));
    return 0;
}

static void the_error_log(void **state)
{
    (void)state;
    passes(logs);
    unlink(in_folder("log"));
}

/* ---- the terminal --------------------------------------------------------*/

static bool leads_nowhere(int fd)
{
    struct stat st, null;

    return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 &&
           st.st_rdev == null.st_rdev;
}

/* What goes on says its process id and session, by a pipe. */
static int detaches(void *self, unsigned number)
{
    const int *out = self;
    struct fault fault;
    pid_t said[3] = {getpid(), 0, 0};

    (void)number;
    if (!daemon_detach(&fault))
        return 1;
    bool silent = leads_nowhere(0) && leads_nowhere(1) && leads_nowhere(2);
    said[1] = silent ? getpid() : -1;
    said[2] = getsid(0);
    return write(*out, said, sizeof said) == sizeof said ? 0 : 1;
}

static void it_goes_on_in_the_background(void **state)
{
    pid_t said[3];
    int out[2];

    (void)state;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(crowd_run(detaches, &out[1], 0), 0);
    assert_int_equal(read(out[0], said, sizeof said), sizeof said);
    assert_true(said[1] > 0 && said[1] != said[0]);
    assert_true(said[2] != getsid(0) && said[2] != said[1]); /* leads none */
    close(out[0]);
    close(out[1]);
}

static int make(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int drop(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_nobody_bears),
        cmocka_unit_test(ones_own_name_is_no_change),
        cmocka_unit_test(others_cannot_change),
        cmocka_unit_test(root_changes_for_good),
        cmocka_unit_test(folder_and_mask),
        cmocka_unit_test(environment),
        cmocka_unit_test(the_error_log),
        cmocka_unit_test(it_goes_on_in_the_background),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
