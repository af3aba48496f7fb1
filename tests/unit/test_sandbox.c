/* Each case is a process of its own: a sandbox is for good. */
#include "scratch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/sandbox/capabilities.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"
#include "common/syslogger.h"

enum { OK = 0, WRONG = 1, NOT_HERE = 77 };

static struct {
    const struct scratch *s;
    struct settings settings;
    const char *database; /* in the scratch folder */
    char data[96], logs[96], web[96], other[96];
} home;

static int make_home(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    home.s = *state;
    snprintf(home.data, sizeof home.data, "%s/data", home.s->dir);
    snprintf(home.logs, sizeof home.logs, "%s/logs", home.s->dir);
    snprintf(home.web, sizeof home.web, "%s/web", home.s->dir);
    snprintf(home.other, sizeof home.other, "%s/other", home.s->dir);
    mkdir(home.data, 0755);
    mkdir(home.logs, 0755);
    mkdir(home.web, 0755);
    mkdir(home.other, 0755);
    write_file(scratch_name(home.s, "data/db"), "rows", 4);
    write_file(scratch_name(home.s, "logs/log"), "line", 4);
    write_file(scratch_name(home.s, "web/page"), "page", 4);
    write_file(scratch_name(home.s, "other/secret"), "secret", 6);
    home.settings = (struct settings){.errorlog = "-"};
    home.database = "data/db";
    return 0;
}

static void enter(unsigned work, struct buf *said)
{
    struct sandbox s;

    sandbox_begin(&s, &home.settings);
    sandbox_allow_file(&s, scratch_name(home.s, home.database), LANDLOCK_DATA);
    sandbox_allow_file(&s, scratch_name(home.s, "logs/log"), LANDLOCK_APPEND);
    sandbox_allow(&s, home.web, LANDLOCK_READ);
    sandbox_enter(&s, &home.settings, work, said);
}

/* ---- a process in it ---- */

struct outcome {
    int code;   /* -1: by a signal */
    int signal; /* 0: by none */
    char log[1024];
};

static struct outcome in_sandbox(unsigned work, int (*body)(void))
{
    struct outcome out = {.code = -1};
    const char *path = scratch_name(home.s, "outcome");
    int status;

    unlink(path);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct buf said = {0};
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        log_open(path, LOG_INFO, false);
        enter(work, &said);
        _exit(body());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status))
        out.code = WEXITSTATUS(status);
    else
        out.signal = WTERMSIG(status);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, out.log, sizeof out.log - 1);
    out.log[n > 0 ? n : 0] = '\0';
    close(fd);
    return out;
}

static void must_be_ok(int (*body)(void))
{
    const struct outcome out = in_sandbox(SYSCALLS_SERVE, body);

    if (out.code != OK)
        fail_msg("code %d, signal %d: %s", out.code, out.signal, out.log);
}

/* ---- files ---- */

static int refused(const char *name, int flags)
{
    int fd = open(scratch_name(home.s, name), flags, 0600);

    return fd < 0 && errno == EACCES ? OK : WRONG;
}

static int given(const char *name, int flags)
{
    return open(scratch_name(home.s, name), flags, 0600) >= 0 ? OK : WRONG;
}

static int use_files(void)
{
    static const struct {
        const char *name;
        int flags;
        int (*how)(const char *name, int flags);
    } cases[] = {
        {"data/db", O_RDWR, given},
        {"data/db-wal", O_RDWR | O_CREAT, given},
        {"data/db-wal", O_RDWR | O_TRUNC, given},
        {"data", O_RDONLY | O_DIRECTORY, given},
        {"logs/log", O_WRONLY | O_APPEND | O_CREAT, given},
        {"logs/new", O_WRONLY | O_APPEND | O_CREAT, given},
        {"logs/log", O_RDONLY, refused},
        {"logs/log", O_WRONLY | O_TRUNC, refused},
        {"web/page", O_RDONLY, given},
        {"web/page", O_WRONLY, refused},
        {"web/new", O_WRONLY | O_CREAT, refused},
        {"other/secret", O_RDONLY, refused},
        {"other/secret", O_WRONLY, refused},
        {"other/new", O_WRONLY | O_CREAT, refused},
        {"../../etc/passwd", O_RDONLY, refused},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cases[i].how(cases[i].name, cases[i].flags) != OK) {
            log_error("%s, %o", cases[i].name, (unsigned)cases[i].flags);
            return WRONG;
        }
    return OK;
}

static int remove_files(void)
{
    bool ok = unlink(scratch_name(home.s, "data/db")) == 0 &&
              unlink(scratch_name(home.s, "logs/log")) != 0 &&
              errno == EACCES &&
              unlink(scratch_name(home.s, "web/page")) != 0 && errno == EACCES;

    return ok ? OK : WRONG;
}

static int read_own_proc(void)
{
    bool ok = open("/proc/self/statm", O_RDONLY) >= 0 &&
              open("/proc/self/fd", O_RDONLY | O_DIRECTORY) >= 0 &&
              open("/proc/locks", O_RDONLY) >= 0;
    char path[64];
    /* Of the process outside only what anybody sees. */
    snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
    char byte;
    int fd = open(path, O_RDONLY);
    ok = ok && (fd < 0 || read(fd, &byte, 1) <= 0);
    return ok ? OK : WRONG;
}

/* SQLite's other files are beside what the link names, and a new database may
 * take the place of the link. */
static int use_link(void)
{
    bool ok = given("other/link", O_RDWR) == OK &&
              given("data/db-wal", O_RDWR | O_CREAT) == OK &&
              unlink(scratch_name(home.s, "other/link")) == 0 &&
              given("other/link", O_RDWR | O_CREAT) == OK;

    return ok ? OK : WRONG;
}

static bool has_landlock(void)
{
    struct landlock rules;
    bool has = landlock_begin(&rules);

    if (has)
        close(rules.fd);
    return has;
}

static void test_files(void **state)
{
    (void)state;
    if (!has_landlock())
        skip();
    must_be_ok(use_files);
    must_be_ok(remove_files);
    must_be_ok(read_own_proc);
}

static void test_link(void **state)
{
    (void)state;
    home.database = "other/link";
    assert_int_equal(symlink("../data/db", scratch_name(home.s, "other/link")),
                     0);
    must_be_ok(use_link);
}

/* ---- what the process is ---- */

static int look_at_itself(void)
{
    bool ok = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
              capabilities_permitted() == 0;

    return ok ? OK : WRONG;
}

static void test_privileges(void **state)
{
    (void)state;
    must_be_ok(look_at_itself);
}

static int keep_for_files(void)
{
    bool ok = capabilities_permitted() == capabilities_of_files &&
              given("data/db", O_RDWR) == OK;

    return ok ? OK : WRONG;
}

/* Root serves what belongs to somebody else. */
static void test_strangers_files(void **state)
{
    (void)state;
    if (geteuid() != 0 || (capabilities_permitted() & capabilities_of_files) !=
                              capabilities_of_files)
        skip();
    assert_int_equal(chown(home.data, 65534, 65534), 0);
    must_be_ok(keep_for_files);
}

/* ---- system calls ---- */

static void *answer(void *self)
{
    char *copy = strdup("threads have memory of their own");

    free(copy);
    return self;
}

static int work_as_ever(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    int ends[2];
    pthread_t thread;
    void *back = NULL;
    char *large = malloc(64 << 20);
    bool ok = large && pipe2(ends, O_CLOEXEC) == 0 &&
              write(ends[1], "x", 1) == 1 &&
              sigaction(SIGUSR2, &ignore, NULL) == 0 && raise(SIGUSR2) == 0;

    free(large);
    ok = ok && pthread_create(&thread, NULL, answer, &back) == 0 &&
         pthread_join(thread, &back) == 0 && back == &back;
    struct db *db = must_open(scratch_name(home.s, "data/new.db"), DB_CREATE);
    ok = ok && one_int(db, "SELECT count(*) FROM sqlite_schema") == 0;
    must_run(db, "CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    db_close(db);
    return ok ? OK : WRONG;
}

static int use_descriptors(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(scratch_name(home.s, "data/db"), O_RDWR);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    bool ok = copy >= 0 && fcntl(fd, F_DUPFD, 0) >= 0 &&
              fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
              fcntl(fd, F_GETFD) == FD_CLOEXEC &&
              fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
              (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 &&
              fcntl(fd, F_GETLK, &lock) == 0;

    lock.l_type = F_WRLCK;
    ok =
        ok && fcntl(fd, F_SETLK, &lock) == 0 && fcntl(fd, F_SETLKW, &lock) == 0;
    lock.l_type = F_UNLCK;
    ok = ok && fcntl(fd, F_SETLK, &lock) == 0 &&
         fcntl(fd, F_OFD_SETLK, &lock) == 0 &&
         fcntl(fd, F_OFD_SETLKW, &lock) == 0;
    lock.l_type = F_RDLCK;
    return ok && fcntl(fd, F_OFD_GETLK, &lock) == 0 ? OK : WRONG;
}

static int make_process(void)
{
    return fork() >= 0;
}

static int make_process_3(void)
{
    char args[88] = {0};
    bool hidden = syscall(SYS_clone3, args, sizeof args) < 0 && errno == ENOSYS;

    return hidden ? OK : WRONG;
}

static int execute(void)
{
    return execl("/bin/true", "true", NULL);
}

static int connect_stream(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int connect_here(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int make_datagrams_4(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static int make_datagrams_6(void)
{
    return socket(AF_INET6, SOCK_DGRAM, 0);
}

static int make_datagrams_here(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static const struct sockaddr_in somewhere = {.sin_family = AF_INET};

static int connect_what_is_open(void)
{
    return connect(0, (const struct sockaddr *)&somewhere, sizeof somewhere);
}

static int send_to_address(void)
{
    return (int)sendto(0, "x", 1, 0, (const struct sockaddr *)&somewhere,
                       sizeof somewhere);
}

static int send_with_message(void)
{
    const struct msghdr m = {.msg_name = NULL};

    return (int)sendmsg(0, &m, 0);
}

/* By these the kernel would signal the parent. */
static int own_descriptor(void)
{
    return fcntl(0, F_SETOWN, getppid());
}

static int own_descriptor_ex(void)
{
    const struct f_owner_ex owner = {F_OWNER_PID, getppid()};

    return fcntl(0, F_SETOWN_EX, &owner);
}

static int choose_signal(void)
{
    return fcntl(0, F_SETSIG, SIGKILL);
}

static int be_asynchronous(void)
{
    return fcntl(0, F_SETFL, O_NONBLOCK | O_ASYNC);
}

static int take_lease(void)
{
    return fcntl(0, F_SETLEASE, F_WRLCK);
}

static int open_raw_socket(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int trace(void)
{
    return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int signal_others(void)
{
    return kill(getppid(), SIGCONT);
}

static int make_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0) == MAP_FAILED;
}

static int turn_into_code(void)
{
    void *page =
        mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int become_another(void)
{
    return setuid(0);
}

static int change_root(void)
{
    return chroot("/");
}

static int leave_name_space(void)
{
    return (int)syscall(SYS_unshare, 0);
}

static int load_filter(void)
{
    return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int limit_others(void)
{
    struct rlimit limit;

    return prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit);
}

static int control_terminal(void)
{
    return (int)syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}

static int become_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int rename_file(void)
{
    return rename(scratch_name(home.s, "data/db"),
                  scratch_name(home.s, "data/db2"));
}

/* The own thread's slice is all that anybody asks for (slice.h). */
static int reschedule(pid_t thread)
{
    const struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } a = {.size = sizeof a, .nice = getpriority(PRIO_PROCESS, 0)};

    return syscall(SYS_sched_setattr, thread, &a, 0U) == 0 ? OK : WRONG;
}

static int reschedule_another(void)
{
    return reschedule(getppid());
}

static int reschedule_itself(void)
{
    return reschedule(0);
}

static const struct {
    const char *name;
    int (*call)(void);
} forbidden[] = {
    {"clone", make_process},
    {"execve", execute},
    {"socket", connect_stream},
    {"socket", open_raw_socket},
    {"socket", connect_here},
    {"ptrace", trace},
    {"kill", signal_others},
    {"mmap", make_code},
    {"mprotect", turn_into_code},
    {"setuid", become_another},
    {"chroot", change_root},
    {"unshare", leave_name_space},
    {"bpf", load_filter},
    {"prlimit64", limit_others},
    {"ioctl", control_terminal},
    {"prctl", become_dumpable},
    {"sched_setattr", reschedule_another},
    {"rename", rename_file},
    {"socket", make_datagrams_4},
    {"socket", make_datagrams_6},
    {"socket", make_datagrams_here},
    {"connect", connect_what_is_open},
    {"sendto", send_to_address},
    {"sendmsg", send_with_message},
    {"fcntl", own_descriptor},
    {"fcntl", own_descriptor_ex},
    {"fcntl", choose_signal},
    {"fcntl", be_asynchronous},
    {"fcntl", take_lease},
};

static bool has_seccomp(void)
{
    return !syscalls_instrumented() && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

/* The call is named, in a line of its own, and the process ends. */
static void test_forbidden_calls(void **state)
{
    char line[96];

    (void)state;
    if (!has_seccomp())
        skip();
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        const struct outcome out =
            in_sandbox(SYSCALLS_SERVE, forbidden[i].call);
        snprintf(line, sizeof line,
                 "[CRITICAL] The sandbox refused the system call %s (",
                 forbidden[i].name);
        if (out.signal != SIGSYS || strstr(out.log, line) == NULL)
            fail_msg("%s: code %d, signal %d: %s", forbidden[i].name, out.code,
                     out.signal, out.log);
    }
}

static int (*in_thread)(void);

static void *run_in_thread(void *self)
{
    (void)self;
    in_thread();
    return NULL;
}

static int execute_in_thread(void)
{
    pthread_t thread;

    in_thread = execute;
    pthread_create(&thread, NULL, run_in_thread, NULL);
    pthread_join(thread, NULL);
    return OK;
}

static void test_threads_are_held_too(void **state)
{
    (void)state;
    if (!has_seccomp())
        skip();
    const struct outcome out = in_sandbox(SYSCALLS_SERVE, execute_in_thread);
    assert_int_equal(out.signal, SIGSYS);
    assert_non_null(strstr(out.log, "system call execve ("));
}

/* Not by seccomp, but sent by somebody: it is a signal like others. */
static int be_sent_it(void)
{
    return raise(SIGSYS);
}

static void test_signal_from_outside(void **state)
{
    (void)state;
    if (!has_seccomp())
        skip();
    const struct outcome out = in_sandbox(SYSCALLS_SERVE, be_sent_it);
    assert_int_equal(out.signal, SIGSYS);
    assert_null(strstr(out.log, "refused"));
}

static void test_allowed_calls(void **state)
{
    (void)state;
    must_be_ok(work_as_ever);
    must_be_ok(use_descriptors);
    must_be_ok(reschedule_itself);
    if (has_seccomp())
        must_be_ok(make_process_3);
}

/* ---- other work ---- */

static int rename_and_make(void)
{
    bool ok = rename_file() == 0 &&
              mkdir(scratch_name(home.s, "data/new"), 0755) != 0 &&
              errno == EACCES; /* Landlock: files, not folders */

    return ok || !has_landlock() ? OK : WRONG;
}

static void test_filing(void **state)
{
    (void)state;
    const struct outcome out = in_sandbox(SYSCALLS_FILES, rename_and_make);
    assert_int_equal(out.code, OK);
    if (has_seccomp()) {
        const struct outcome more = in_sandbox(SYSCALLS_FILES, execute);
        assert_int_equal(more.signal, SIGSYS);
    }
}

static int start_program(void)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        execl("/bin/true", "true", NULL);
        _exit(errno == EACCES ? OK : WRONG); /* Landlock: not this one */
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}

static void test_spawning(void **state)
{
    (void)state;
    const struct outcome out = in_sandbox(SYSCALLS_SPAWN, start_program);
    assert_int_equal(out.code, OK);
}

/* ---- a syslog ---- */

static int port_of(int fd)
{
    struct sockaddr_in a = {.sin_port = 0};
    socklen_t len = sizeof a;

    getsockname(fd, (struct sockaddr *)&a, &len);
    return ntohs(a.sin_port);
}

static int listen_somewhere(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET,
                                    .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (const struct sockaddr *)&any, sizeof any) != 0 ||
        listen(fd, 1) != 0)
        fail();
    return fd;
}

static int ports[2];

static bool may_connect(int port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

static int connect_to_both(void)
{
    return may_connect(ports[0]) && !may_connect(ports[1]) ? OK : WRONG;
}

static void test_syslog_stream(void **state)
{
    struct landlock rules;
    static char address[64];
    int log = listen_somewhere();
    int other = listen_somewhere();

    (void)state;
    if (!landlock_begin(&rules) || rules.abi < 4)
        skip();
    close(rules.fd);
    ports[0] = port_of(log);
    ports[1] = port_of(other);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", ports[0]);
    home.settings.syslog = true;
    home.settings.syslog_addr = address;
    must_be_ok(connect_to_both);
    close(log);
    close(other);
}

static void must_refuse(const char *call, int (*body)(void))
{
    char words[64];
    const struct outcome out = in_sandbox(SYSCALLS_SERVE, body);

    snprintf(words, sizeof words, "the system call %s (", call);
    if (out.signal != SIGSYS || strstr(out.log, words) == NULL)
        fail_msg("%s: code %d, signal %d: %s", call, out.code, out.signal,
                 out.log);
}

static int open_odd_stream(void)
{
    return socket(AF_TIPC, SOCK_STREAM, 0);
}

static void test_syslog_stream_alone(void **state)
{
    (void)state;
    if (!has_seccomp())
        skip();
    home.settings.syslog = true;
    home.settings.syslog_addr = "tcp://127.0.0.1:9";
    must_refuse("socket", make_datagrams_4);
    must_refuse("socket", open_odd_stream);
    must_refuse("sendmsg", send_with_message);
    must_refuse("sendto", send_to_address);
}

static struct sockaddr_un collector;

static void collector_address(void)
{
    collector = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(collector.sun_path, sizeof collector.sun_path, "%s",
             scratch_name(home.s, "log.sock"));
}

static int send_line(void)
{
    syslogger_line(SYSLOGGER_ERROR, LOG_INFO, slice_of("from inside"));
    return OK;
}

static int send_fast_open(void)
{
    return (int)sendto(0, "x", 1, MSG_FASTOPEN,
                       (const struct sockaddr *)&somewhere, sizeof somewhere);
}

static int make_datagram_socket_again(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ? OK : WRONG;
}

/* The socket is there; a new one only when it is not. */
static void test_syslog_datagrams(void **state)
{
    char address[160];
    char line[128] = "";
    struct fault fault;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    collector_address();
    assert_int_equal(
        bind(fd, (const struct sockaddr *)&collector, sizeof collector), 0);
    snprintf(address, sizeof address, "unix://%s#dgram", collector.sun_path);
    home.settings.syslog = true;
    home.settings.syslog_addr = address;
    home.settings.syslog_facility = "user";
    must_be_ok(make_datagram_socket_again);
    assert_true(syslogger_open(&home.settings, &fault));
    must_be_ok(send_line);
    assert_true(recv(fd, line, sizeof line - 1, MSG_DONTWAIT) > 0);
    assert_non_null(strstr(line, "from inside"));
    if (has_seccomp()) {
        must_refuse("socket", make_datagrams_4);
        must_refuse("socket", make_datagrams_here);
        must_refuse("socket", connect_here);
        must_refuse("connect", connect_what_is_open);
        must_refuse("sendto", send_fast_open);
    }
    syslogger_close();
    close(fd);
}

/* ---- folders ---- */

static void test_covered_folders(void **state)
{
    static const struct {
        const char *path, *folder;
        bool covers;
    } cases[] = {
        {"data/db", "data", true},      {"data/new", "data", true},
        {"db", "data", true},           {"data/../db", "data", true},
        {"data/db", "web", false},      {"data/db", ".", false},
        {"data/sub/db", "data", false}, {"other/link", "data", true},
        {"other/link", "other", true},  {"other/link", "web", false},
        {"data/db", "dat", false},      {"data/db", "data-2", false},
        {"data/db", "gone", false},     {"gone/db", "data", false},
    };
    char folder[256];

    (void)state;
    snprintf(folder, sizeof folder, "%s/data-2", home.s->dir);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(symlink("../data/db", scratch_name(home.s, "other/link")),
                     0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(folder, sizeof folder, "%s/%s", home.s->dir, cases[i].folder);
        if (sandbox_covers(scratch_name(home.s, cases[i].path), folder) !=
            cases[i].covers)
            fail_msg("%s, %s", cases[i].path, cases[i].folder);
    }
    assert_true(sandbox_covers("/unit-test-database", home.data));
    assert_false(sandbox_covers("/dev/null", "/dev"));
    assert_false(sandbox_covers("-", "."));
    assert_false(sandbox_covers(":memory:", "."));
    assert_false(sandbox_covers(NULL, "."));
    assert_true(sandbox_covers("database", "."));
}

/* ---- words ---- */

static int say(void)
{
    return OK;
}

static void test_words(void **state)
{
    char path[192];
    int status;
    struct buf said = {0};

    (void)state;
    must_be_ok(say);
    snprintf(path, sizeof path, "%s", scratch_name(home.s, "said"));
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        enter(SYSCALLS_SERVE, &said);
        ssize_t n = write(fd, said.data, said.len);
        _exit(n > 0 ? OK : WRONG);
    }
    waitpid(pid, &status, 0);
    char line[256] = "";
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_memory_equal(line, "Sandbox: no_new_privs, no capabilities, ", 40);
    if (has_landlock())
        assert_non_null(strstr(line, "Landlock ABI "));
    if (has_seccomp())
        assert_non_null(strstr(line, "seccomp 1"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_home, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_files),
        TEST(test_link),
        TEST(test_privileges),
        TEST(test_strangers_files),
        TEST(test_allowed_calls),
        TEST(test_forbidden_calls),
        TEST(test_threads_are_held_too),
        TEST(test_signal_from_outside),
        TEST(test_filing),
        TEST(test_spawning),
        TEST(test_syslog_stream),
        TEST(test_syslog_stream_alone),
        TEST(test_syslog_datagrams),
        TEST(test_covered_folders),
        TEST(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
