#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include <linux/sched.h>

#include <seccomp.h>

#include "common/log.h"
#include "common/text.h"

#include "common/sandbox/syscalls.h"

enum {
    LOOKS_MAX = 2,      /* at arguments, in one condition */
    NUMBERS_MAX = 1024, /* of system calls */
    KIND = 0xF,         /* of a socket, without its flags */
    EXECUTABLE = 4,     /* PROT_EXEC */
    BY_SECCOMP = 1,     /* SYS_SECCOMP of siginfo, which only the kernel's own
                           header has */
};

#define WORD    UINT32_MAX /* an int as a whole */
#define POINTER UINT64_MAX /* likewise */

/* ---- the lists -----------------------------------------------------------*/

/*
 * Found by strace under the tests, and by reading: what the C library, SQLite
 * and we do, in their older and newer forms. What can harm nobody is here even
 * if nobody was seen to call it: a worker must not die of another version of
 * the C library. A name that this architecture lacks is skipped.
 */
static const char serving[] =
    /* files that are open */
    "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 "
    "lseek _llseek close close_range dup dup2 dup3 fstat fstat64 "
    "flock fsync fdatasync sync_file_range ftruncate ftruncate64 fallocate "
    "fadvise64 fadvise64_64 fchmod fchown fchown32 getdents getdents64 fstatfs "
    "fstatfs64 sendfile sendfile64 splice readahead "
    /* files by name: Landlock says which */
    "open openat openat2 stat stat64 lstat lstat64 newfstatat fstatat64 statx "
    "statfs statfs64 access faccessat faccessat2 readlink readlinkat getcwd "
    "unlink unlinkat "
    /* the WAL of a database that was replaced is set aside */
    "renameat2 "
    /* memory */
    "munmap mremap madvise msync mincore brk membarrier "
    /* threads */
    "futex futex_time64 futex_waitv set_robust_list get_robust_list "
    "set_tid_address rseq sched_yield sched_getaffinity sched_getparam "
    "sched_getscheduler sched_get_priority_max sched_get_priority_min "
    "getpriority "
    /* signals; whom they may be sent to stands below */
    "rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait "
    "rt_sigtimedwait_time64 rt_sigreturn sigreturn sigaltstack restart_syscall "
    "pause "
    /* events */
    "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 "
    "eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime "
    "timerfd_settime64 timerfd_gettime timerfd_gettime64 poll ppoll "
    "ppoll_time64 select _newselect pselect6 pselect6_time64 pipe pipe2 "
    /* connections that came in; what goes out stands below */
    "accept accept4 recv recvfrom recvmsg recvmmsg send shutdown getsockname "
    "getpeername getsockopt "
    /* time */
    "clock_gettime clock_gettime64 clock_getres clock_getres_time64 "
    "clock_nanosleep clock_nanosleep_time64 nanosleep gettimeofday time times "
    "setitimer getitimer alarm "
    /* who and where we are */
    "getpid gettid getppid getpgrp getpgid getsid getuid getuid32 geteuid "
    "geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 "
    "getresgid getresgid32 getgroups getgroups32 capget uname sysinfo getcpu "
    "getrandom getrusage getrlimit ugetrlimit "
    /* the end */
    "exit exit_group ";

static const char filing[] =
    "rename renameat mkdir mkdirat rmdir link linkat symlink "
    "symlinkat chmod fchmodat truncate truncate64 umask copy_file_range "
    "syncfs utimensat ";

/* The new program loads its libraries with mmap and mprotect, too. */
static const char spawning[] =
    "execve execveat fork vfork clone wait4 waitid waitpid setsid setpgid "
    "setpriority kill arch_prctl prctl mmap mmap2 mprotect setrlimit "
    "prlimit64 chdir fchdir ioctl ioprio_set sched_setaffinity ";

/* An argument that is looked at: (argument & mask) == value. */
struct look {
    unsigned argument; /* from 0 */
    uint64_t mask;     /* 0: none is */
    uint64_t value;
};

/* A call that is allowed when its arguments are so; one that stands several
 * times, when they are in one of these ways. */
struct condition {
    const char *name;
    struct look looks[LOOKS_MAX];
};

static const struct condition conditions[] = {
    /* no code is made, */
    {"mmap", {{2, EXECUTABLE, 0}}},
    {"mmap2", {{2, EXECUTABLE, 0}}},
    {"mprotect", {{2, EXECUTABLE, 0}}},
    /* no process, but threads, */
    {"clone", {{0, CLONE_THREAD, CLONE_THREAD}}},
    /* no other thread's place in the line for the CPU, */
    {"sched_setattr", {{0, WORD, 0}, {2, WORD, 0}}},
    /* no connection: nothing is sent but to the other end of one, */
    {"sendto", {{4, POINTER, 0}}},
    {"setsockopt", {{1, WORD, IPPROTO_TCP}}},
    {"setsockopt", {{1, WORD, SOL_SOCKET}, {2, WORD, SO_LINGER}}},
    {"setsockopt", {{1, WORD, SOL_SOCKET}, {2, WORD, SO_KEEPALIVE}}},
    {"setsockopt", {{1, WORD, SOL_SOCKET}, {2, WORD, SO_SNDBUF}}},
    {"setsockopt", {{1, WORD, SOL_SOCKET}, {2, WORD, SO_RCVBUF}}},
    {"setsockopt", {{1, WORD, SOL_SOCKET}, {2, WORD, SO_SNDTIMEO}}},
    {"setsockopt", {{1, WORD, SOL_SOCKET}, {2, WORD, SO_RCVTIMEO}}},
    /* nothing is controlled but how a descriptor reads, and names. */
    {"ioctl", {{1, WORD, TCGETS}}},
    {"ioctl", {{1, WORD, TIOCGWINSZ}}},
    {"ioctl", {{1, WORD, FIONREAD}}},
    {"ioctl", {{1, WORD, TIOCOUTQ}}},
    {"ioctl", {{1, WORD, FIONBIO}}},
    {"ioctl", {{1, WORD, FIOCLEX}}},
    {"prctl", {{0, WORD, PR_SET_NAME}}},
    {"prctl", {{0, WORD, PR_GET_NAME}}},
    {"prctl", {{0, WORD, PR_SET_PDEATHSIG}, {1, WORD, 0}}},
    {"prctl", {{0, WORD, PR_GET_DUMPABLE}}},
    {"prctl", {{0, WORD, PR_GET_NO_NEW_PRIVS}}},
    {"prctl", {{0, WORD, PR_CAPBSET_READ}}},
    {"prctl", {{0, WORD, PR_SET_VMA}}},
};

/*
 * The commands of fcntl(2) that copy descriptors, set flags and lock files. By
 * the others (F_SETOWN, F_SETSIG, F_NOTIFY, F_SETLEASE) and O_ASYNC the kernel
 * sends any signal to any process of the same user.
 */
static const int descriptor_commands[] = {
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,     F_SETFD,     F_GETFL,      F_GETLK,
    F_SETLK, F_SETLKW,        F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW,
};

static const struct condition streams[] = {
    {"socket", {{0, WORD, AF_UNIX}, {1, KIND, SOCK_STREAM}}},
    {"socket", {{0, WORD, AF_INET}, {1, KIND, SOCK_STREAM}}},
    {"socket", {{0, WORD, AF_INET6}, {1, KIND, SOCK_STREAM}}},
    {.name = "connect"},
};

static const struct condition datagrams[] = {
    {"socket", {{0, WORD, AF_UNIX}, {1, KIND, SOCK_DGRAM}}},
    {"socket", {{0, WORD, AF_INET}, {1, KIND, SOCK_DGRAM}}},
    {"socket", {{0, WORD, AF_INET6}, {1, KIND, SOCK_DGRAM}}},
    {.name = "connect"},
};

/* To which cannot be looked at; but not by TCP Fast Open, which would connect
 * a listener that was shut down (tcp(7)). */
static const struct condition addressed[] = {
    {"sendto", {{3, MSG_FASTOPEN, 0}}},
    {"sendmsg", {{2, MSG_FASTOPEN, 0}}},
};

/* ---- when one is refused -------------------------------------------------*/

/*
 * The call was not made, and comes from the thread that is in here. It may do
 * all that a log line takes: no lock of the C library is held round a call
 * that is on none of the lists.
 */
static void on_refused(int signal_number, siginfo_t *info, void *context)
{
    char *name = NULL;

    (void)context;
    signal(signal_number, SIG_DFL);
    if (info->si_code == BY_SECCOMP) {
        name =
            seccomp_syscall_resolve_num_arch(info->si_arch, info->si_syscall);
        log_critical("The sandbox refused the system call %s (number %d of "
                     "architecture %x), which this process never needs: it "
                     "ends",
                     name ? name : "unknown", info->si_syscall, info->si_arch);
    }
    free(name);
    raise(signal_number); /* comes when this returns */
}

/* ---- making the filter ---------------------------------------------------*/

struct making {
    scmp_filter_ctx filter;
    bool listed[NUMBERS_MAX];
    int calls; /* listed */
};

/* Skips names that this architecture, or the library, does not know; so a list
 * may name the calls of all. False with errno. */
static bool allow(struct making *m, const struct condition *c)
{
    int number = seccomp_syscall_resolve_name(c->name);
    struct scmp_arg_cmp compared[LOOKS_MAX];
    unsigned count = 0;

    for (const struct look *l = c->looks; l < c->looks + LOOKS_MAX; l++)
        if (l->mask)
            compared[count++] = (struct scmp_arg_cmp){
                l->argument, SCMP_CMP_MASKED_EQ, l->mask, l->value};
    if (number < 0 || number >= NUMBERS_MAX)
        return true;
    m->calls += !m->listed[number];
    m->listed[number] = true;
    int result = seccomp_rule_add_array(m->filter, SCMP_ACT_ALLOW, number,
                                        count, compared);
    /* What is allowed as it is needs no condition. */
    errno = -result;
    return result == 0 || result == -EEXIST;
}

static bool allow_list(struct making *m, const char *list)
{
    struct slice rest = slice_of(list);
    char name[32];

    while (rest.len > 0) {
        struct slice word = slice_cut(&rest, ' ');
        const struct condition c = {.name = name};
        snprintf(name, sizeof name, "%.*s", (int)word.len, word.ptr);
        if (!allow(m, &c))
            return false;
    }
    return true;
}

static bool allow_each(struct making *m, const struct condition *c,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!allow(m, &c[i]))
            return false;
    return true;
}

/* It is the only process that it signals, and whose limits it sets. */
static bool allow_on_itself(struct making *m)
{
    const uint64_t self = (uint64_t)getpid();
    const struct condition itself[] = {
        {"kill", {{0, WORD, self}}},
        {"tgkill", {{0, WORD, self}}},
        {"prlimit64", {{0, WORD, self}}},
        {"prlimit64", {{0, WORD, 0}}},
    };

    return allow_each(m, itself, sizeof itself / sizeof *itself);
}

static bool allow_fcntl(struct making *m, const char *name)
{
    const size_t count =
        sizeof descriptor_commands / sizeof *descriptor_commands;
    const struct condition flags = {name,
                                    {{1, WORD, F_SETFL}, {2, O_ASYNC, 0}}};

    for (size_t i = 0; i < count; i++) {
        const struct condition c = {
            name, {{1, WORD, (uint64_t)descriptor_commands[i]}}};
        if (!allow(m, &c))
            return false;
    }
    return allow(m, &flags);
}

static bool feign_no_clone3(struct making *m)
{
    int number = seccomp_syscall_resolve_name("clone3");

    return number < 0 ||
           seccomp_rule_add(m->filter, SCMP_ACT_ERRNO(ENOSYS), number, 0) == 0;
}

static bool allow_outgoing(struct making *m, unsigned work)
{
    if (work & SYSCALLS_CONNECT &&
        !allow_each(m, streams, sizeof streams / sizeof *streams))
        return false;
    if (work & SYSCALLS_DATAGRAMS &&
        !allow_each(m, datagrams, sizeof datagrams / sizeof *datagrams))
        return false;
    return !(work & SYSCALLS_ADDRESS) ||
           allow_each(m, addressed, sizeof addressed / sizeof *addressed);
}

static bool allow_work(struct making *m, unsigned work)
{
    const size_t count = sizeof conditions / sizeof *conditions;

    if (!allow_list(m, serving))
        return false;
    if (work & (SYSCALLS_FILES | SYSCALLS_SPAWN) && !allow_list(m, filing))
        return false;
    if (work & SYSCALLS_SPAWN && !allow_list(m, spawning))
        return false;
    return allow_each(m, conditions, count) && allow_outgoing(m, work) &&
           allow_fcntl(m, "fcntl") && allow_fcntl(m, "fcntl64") &&
           allow_on_itself(m) && feign_no_clone3(m);
}

/*
 * The kernel answers for calls that are allowed without conditions out of a
 * bitmap (since 5.11); the others run through a tree instead of a chain. And
 * without SSB it does not slow the process down against code that it does not
 * run (Spectre 4; before 5.16).
 */
static bool tune(scmp_filter_ctx filter)
{
    return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP) ==
               0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0;
}

static bool hear_of_refusals(void)
{
    struct sigaction on = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};

    sigemptyset(&on.sa_mask);
    return sigaction(SIGSYS, &on, NULL) == 0;
}

/* Told by a function that all sanitizers bring along. */
bool syscalls_instrumented(void)
{
    return dlsym(RTLD_DEFAULT, "__sanitizer_set_report_fd") != NULL;
}

int syscalls_enter(unsigned work)
{
    struct making m = {.filter = NULL};

    if (syscalls_instrumented()) {
        errno = ENOTSUP;
        return 0;
    }
    errno = ENOMEM;
    m.filter = seccomp_init(SCMP_ACT_TRAP);
    bool ok = m.filter && tune(m.filter) && allow_work(&m, work) &&
              hear_of_refusals();
    int result = ok ? seccomp_load(m.filter) : -errno;
    seccomp_release(m.filter);
    errno = -result;
    return result == 0 ? m.calls : 0;
}
