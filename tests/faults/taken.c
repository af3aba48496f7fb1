/*
 * taken: a worker that somebody else has taken over. Preloaded into a server,
 * it obeys what a request says to it: with "X-Order: execve" in what recv
 * gives, the process executes a shell, and so on.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

static void obey(const char *text, size_t len)
{
    static const char order[] = "X-Order: ";
    const char *at = memmem(text, len, order, sizeof order - 1);

    if (at == NULL)
        return;
    at += sizeof order - 1;
    if (strncmp(at, "execve", 6) == 0)
        execl("/bin/sh", "sh", "-c", "true", NULL);
    else if (strncmp(at, "ptrace", 6) == 0)
        (void)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
    else if (strncmp(at, "socket", 6) == 0)
        close(socket(AF_INET, SOCK_STREAM, 0));
    else if (strncmp(at, "mmap", 4) == 0)
        (void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

ssize_t recv(int fd, void *into, size_t size, int flags)
{
    static ssize_t (*real)(int, void *, size_t, int);

    if (real == NULL)
        real = (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    ssize_t n = real(fd, into, size, flags);
    if (n > 0)
        obey(into, (size_t)n);
    return n;
}
