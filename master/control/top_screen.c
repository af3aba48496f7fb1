#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "master/control/top_screen.h"

/* Another screen, and no cursor; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[2J";
static const char leave[] = "\033[?25h\033[?1049l";

enum { CTRL_C = 3, CTRL_D = 4 };

static struct {
    bool open;
    struct termios before;
    sigset_t mask; /* before: what wakes the wait is blocked outside it */
} screen;

static volatile sig_atomic_t told_to_stop;

static void on_stop(int signal)
{
    (void)signal;
    told_to_stop = 1;
}

static void on_resize(int signal)
{
    (void)signal; /* it only ends the wait */
}

static bool write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* A signal that comes between two waits is not lost. */
static void take_signals(void)
{
    static const int stops[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_stop};
    sigset_t set;

    sigemptyset(&set);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        sigaction(stops[i], &action, NULL);
        sigaddset(&set, stops[i]);
    }
    action.sa_handler = on_resize;
    sigaction(SIGWINCH, &action, NULL);
    sigaddset(&set, SIGWINCH);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, &screen.mask);
}

bool top_screen_open(void)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &screen.before) != 0)
        return false;
    take_signals();
    raw = screen.before;
    /* ^C and ^Z are keys: the one ends, the other does nothing, so that the
     * terminal is never left like this. */
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    screen.open = tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0;
    return screen.open && write_all(enter, sizeof enter - 1);
}

void top_screen_close(void)
{
    if (!screen.open)
        return;
    write_all(leave, sizeof leave - 1);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen.before);
    screen.open = false;
}

struct top_size top_screen_size(void)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row == 0 ||
        w.ws_col == 0)
        return (struct top_size){24, 80, true};
    return (struct top_size){w.ws_row, w.ws_col, true};
}

bool top_screen_show(const struct buf *page)
{
    return write_all(page->data, page->len);
}

/* The end of the input is the terminal's. */
static bool is_end(void)
{
    char key = CTRL_D;
    ssize_t n = read(STDIN_FILENO, &key, 1);

    return (n <= 0 && errno != EINTR) || key == 'q' || key == 'Q' ||
           key == CTRL_C || key == CTRL_D;
}

enum top_event top_screen_wait(int timeout_ms)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    const struct timespec limit = {.tv_sec = timeout_ms / 1000,
                                   .tv_nsec = timeout_ms % 1000 * 1000000L};
    int n = ppoll(&keys, 1, &limit, &screen.mask);

    if (told_to_stop)
        return TOP_QUIT;
    if (n < 0)
        return errno == EINTR ? TOP_RESIZED : TOP_QUIT;
    if (n > 0 && is_end())
        return TOP_QUIT;
    return n > 0 ? TOP_RESIZED : TOP_TIME;
}
