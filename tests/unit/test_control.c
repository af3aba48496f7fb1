#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/log.h"
#include "master/control/control.h"
#include "master/control/control_client.h"
#include "master/control/control_ask.h"
#include "master/unixsocket.h"
#include "tests/unit/scratch.h"

/* The control and its clients, in one process: a turn lets the loop do what
 * is due, without waiting. */
static struct {
    struct loop *loop;
    struct control *control;
    char path[160];
    unsigned asked; /* lines that were answered, or put off */
    unsigned later; /* how often one was put off */
    bool ready;     /* those that wait may be answered */
    bool was_late;
    size_t big; /* bytes of the answer to "big" */
    char last[CONTROL_LINE + 1];
    uid_t uid;
    pid_t pid;
} desk;

static bool answer(void *self, struct control_call *call, bool late)
{
    (void)self;
    if (call->memo == 0)
        desk.asked++;
    snprintf(desk.last, sizeof desk.last, "%.*s", (int)call->line.len,
             call->line.ptr);
    desk.uid = call->uid;
    desk.pid = call->pid;
    desk.was_late |= late;
    if (slice_is(call->line, "wait") && !desk.ready && !late) {
        call->memo = 7;
        desk.later++;
        return false;
    }
    if (slice_is(call->line, "never") && (call->memo = 1))
        return false;
    call->refused = slice_is(call->line, "no");
    for (size_t i = 0; slice_is(call->line, "big") && i < desk.big; i++)
        buf_byte(call->body, 'x');
    if (!slice_is(call->line, "big"))
        buf_format(call->body, "you said %s\n", desk.last);
    return true;
}

static void turn(void)
{
    for (int i = 0; i < 4; i++) {
        loop_turn(desk.loop, 0);
        control_tend(desk.control);
    }
}

static int set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    const struct scratch *s = *state;
    memset(&desk, 0, sizeof desk);
    log_open("/dev/null", LOG_DEBUG, false);
    snprintf(desk.path, sizeof desk.path, "%s/a.ctl", s->dir);
    desk.loop = loop_new();
    desk.control = control_new(desk.loop, answer, NULL);
    control_use(desk.control, desk.path, 0600);
    return desk.loop && desk.control ? 0 : -1;
}

static int take_down(void **state)
{
    control_free(desk.control);
    loop_free(desk.loop);
    return scratch_remove(state);
}

static int dial(void)
{
    int fd = unixsocket_connect(desk.path, 1000);

    if (fd < 0)
        fail_msg("connect: %s", strerror(errno));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void say(int fd, const char *bytes)
{
    assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL),
                     strlen(bytes));
}

/* What came, to the end; null while the end has not. Closes it then. */
static const char *heard(int fd)
{
    static char text[4096];
    size_t len = 0;
    ssize_t n;

    while ((n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0)
        len += (size_t)n;
    if (n < 0 && errno == EAGAIN && len == 0)
        return NULL;
    text[len] = '\0';
    close(fd);
    return text;
}

static void hears(int fd, const char *wanted)
{
    const char *text;

    turn();
    text = heard(fd);
    if (text == NULL)
        fail_msg("no answer, but wanted: %s", wanted);
    else
        assert_string_equal(text, wanted);
}

/* ---- what is asked and answered ------------------------------------------*/

static void a_line_is_answered(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "hello you\n");
    hears(fd, "ok 19\nyou said hello you\n");
    assert_int_equal(desk.uid, geteuid());
    assert_int_equal(desk.pid, getpid());
    fd = dial();
    say(fd, "no\n");
    hears(fd, "refused 12\nyou said no\n");
}

static void it_may_come_in_pieces(void **state)
{
    int fd = dial();

    (void)state;
    for (const char *c = "slowly"; *c; c++) {
        char piece[2] = {*c, '\0'};
        say(fd, piece);
        turn();
        assert_int_equal(desk.asked, 0);
    }
    say(fd, "\nand what follows is nobody's");
    hears(fd, "ok 16\nyou said slowly\n");
    assert_int_equal(desk.asked, 1);
}

static void half_a_line_is_no_order(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "worker remove 1");
    shutdown(fd, SHUT_WR);
    hears(fd, "refused 31\nThe request has no end of line\n");
    fd = dial();
    say(fd, "stop");
    close(fd); /* it died on the way */
    turn();
    assert_int_equal(desk.asked, 0);
}

static void a_line_has_a_longest(void **state)
{
    char line[CONTROL_LINE + 1];
    int fd = dial();

    (void)state;
    memset(line, 'a', sizeof line);
    line[CONTROL_LINE - 1] = '\n';
    line[CONTROL_LINE] = '\0';
    say(fd, line);
    turn();
    assert_int_equal(desk.asked, 1);
    close(fd);
    fd = dial();
    line[CONTROL_LINE - 1] = 'a';
    say(fd, line);
    hears(fd, "refused 24\nThe request is too long\n");
    assert_int_equal(desk.asked, 1);
}

/* Zeros, high bytes: it is the answerer's to refuse them, whole. */
static void garbage_is_a_line_too(void **state)
{
    static const char bytes[] = {'\0', '\xff', '\x1b', '\n'};
    int fd = dial();

    (void)state;
    assert_int_equal(send(fd, bytes, sizeof bytes, 0), sizeof bytes);
    turn();
    assert_int_equal(desk.asked, 1);
    close(fd);
}

/* ---- answers that take their time ----------------------------------------*/

static void an_answer_may_come_later(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "wait\nanything");
    shutdown(fd, SHUT_WR); /* it has said all that it wants to */
    turn();
    assert_null(heard(fd));
    unsigned before = desk.later;
    turn();
    assert_true(desk.later > before); /* asked again at each turn */
    assert_int_equal(desk.asked, 1);
    desk.ready = true;
    hears(fd, "ok 14\nyou said wait\n");
}

/* Level-triggered events of one who waits would keep the loop turning. */
static void who_waits_costs_nothing(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "wait\nnoise");
    turn();
    say(fd, "more noise");
    shutdown(fd, SHUT_WR);
    assert_int_equal(loop_turn(desk.loop, 0), 0);
    close(fd);
    assert_int_equal(loop_turn(desk.loop, 0), 1); /* it has gone away */
    turn();
    unsigned asked = desk.later;
    turn();
    assert_int_equal(desk.later, asked);
}

static void nobody_waits_for_ever(void **state)
{
    int fd = dial();
    int never = dial();

    (void)state;
    say(fd, "wait\n");
    say(never, "never\n");
    turn();
    assert_true(control_next_ms(desk.control) >
                loop_clock_ms() + CONTROL_WAIT_MS - 10000);
    int just = dial();
    turn();
    say(just, "just\n");        /* accepted, and not read yet */
    control_free(desk.control); /* the server ends */
    desk.control = NULL;
    assert_true(desk.was_late);
    assert_string_equal(heard(fd), "ok 14\nyou said wait\n");
    assert_string_equal(heard(never), "");
    assert_string_equal(heard(just), "ok 14\nyou said just\n");
    assert_int_equal(access(desk.path, F_OK), -1);
}

static void a_large_answer_goes_at_the_readers_pace(void **state)
{
    static char piece[65536];
    int fd = dial();
    size_t all = 0;
    ssize_t n;

    (void)state;
    desk.big = 3000000;
    say(fd, "big\n");
    turn();
    assert_true(control_next_ms(desk.control) <=
                loop_clock_ms() + CONTROL_SLOW_MS);
    do {
        n = recv(fd, piece, sizeof piece, 0);
        all += n > 0 ? (size_t)n : 0;
        turn();
    } while (n != 0);
    assert_int_equal(all, desk.big + strlen("ok 3000000\n"));
    close(fd);
}

static void who_does_not_read_is_left(void **state)
{
    int fd = dial();

    (void)state;
    desk.big = 3000000;
    say(fd, "big\n");
    turn();
    close(fd); /* it dies with the answer half-way */
    turn();
    fd = dial();
    say(fd, "still there?\n");
    hears(fd, "ok 22\nyou said still there?\n");
}

/* ---- many of them --------------------------------------------------------*/

static void the_one_who_dallies_makes_room(void **state)
{
    int idle[CONTROL_CLIENTS + 4];
    int fd;

    (void)state;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        idle[i] = dial();
        turn();
        assert_null(heard(idle[i]));
    }
    fd = dial();
    say(fd, "now me\n");
    turn();
    assert_null(heard(fd)); /* who has just come may be about to ask */
    assert_null(heard(idle[0]));
    assert_true(control_next_ms(desk.control) > loop_clock_ms() - 100);
    assert_true(control_next_ms(desk.control) <=
                loop_clock_ms() + CONTROL_HASTE_MS);
    const char *answer;
    do {
        turn();
        answer = heard(fd);
    } while (answer == NULL);
    assert_string_equal(answer, "ok 16\nyou said now me\n");
    assert_string_equal(heard(idle[0]), ""); /* the oldest had to go */
    assert_null(heard(idle[1]));
    for (size_t i = 1; i < CONTROL_CLIENTS; i++)
        close(idle[i]);
}

/* Their answers are ours to give: nobody takes their place, and the loop does
 * not turn for those who knock. */
static void those_who_wait_keep_their_place(void **state)
{
    int fd[CONTROL_CLIENTS];
    int late;

    (void)state;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        fd[i] = dial();
        say(fd[i], "wait\n");
        turn();
    }
    late = dial();
    say(late, "me too\n");
    turn();
    assert_null(heard(late));
    assert_int_equal(loop_turn(desk.loop, 0), 0);
    desk.ready = true;
    turn();
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        hears(fd[i], "ok 14\nyou said wait\n");
    hears(late, "ok 16\nyou said me too\n");
}

static void a_thousand_come_and_go(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        int fd = dial();
        if (i % 3 == 0)
            say(fd, "half");
        if (i % 3 == 1)
            say(fd, "whole\n");
        if (i % 2)
            turn();
        close(fd);
    }
    turn();
    int fd = dial();
    say(fd, "and?\n");
    hears(fd, "ok 14\nyou said and?\n");
}

static void watched_until(struct client *k, enum client_state state)
{
    assert_int_equal(k->state, state);
    client_tend(k, k->until_ms - 1);
    assert_int_equal(k->state, state);
    client_tend(k, k->until_ms);
    assert_int_equal(k->state, CLIENT_GONE);
    client_tend(k, k->until_ms);
    assert_int_equal(k->state, CLIENT_FREE);
}

/* Whatever it is at; and what it reads gives it more time. */
static void everybody_has_only_so_long(void **state)
{
    static struct client k;
    static char piece[65536];
    const struct control_desk d = {desk.loop, answer, NULL};
    int ends[2];

    (void)state;
    desk.big = 3000000;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
        client_welcome(&k, &d, ends[0]);
        say(ends[1], i == 0 ? "half a li" : i == 1 ? "big\n" : "never\n");
        loop_turn(desk.loop, 0);
        uint64_t until_ms = k.until_ms;
        if (i == 1) {
            k.until_ms = 1;
            while (recv(ends[1], piece, sizeof piece, 0) > 0)
                ;
            loop_turn(desk.loop, 0);
            assert_true(k.until_ms >= until_ms);
        }
        watched_until(&k, i == 0   ? CLIENT_ASKING
                          : i == 1 ? CLIENT_TOLD
                                   : CLIENT_WAITING);
        close(ends[1]);
    }
}

/* ---- the socket ----------------------------------------------------------*/

static void only_its_owner_may_come(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(stat(desk.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* A process without rights says "stop"; what it is told begins like that. */
static void a_stranger_hears(const struct scratch *s, char first)
{
    int ends[2];

    assert_int_equal(chmod(s->dir, 0755), 0);
    assert_int_equal(chmod(desk.path, 0666), 0);
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (setuid(65534) != 0)
            _exit(1);
        int fd = unixsocket_connect(desk.path, 1000);
        char heard = 0;
        _exit(fd < 0 || send(fd, "stop\n", 5, 0) != 5 ||
              write(ends[1], "x", 1) != 1 || recv(fd, &heard, 1, 0) != 1 ||
              heard != first);
    }
    assert_int_equal(read(ends[0], &ends[1], 1), 1);
    turn();
    int status = -1;
    while (waitpid(pid, &status, WNOHANG) == 0)
        turn();
    assert_int_equal(status, 0);
    close(ends[0]);
}

static void others_are_refused_whatever_its_mode(void **state)
{
    if (geteuid() != 0)
        skip();
    a_stranger_hears(*state, 'r');
    assert_int_equal(desk.asked, 0);
}

/* Asked for, the file's mode is what counts. */
static void a_mode_that_lets_others_in_does(void **state)
{
    if (geteuid() != 0)
        skip();
    control_use(desk.control, NULL, 0);
    control_use(desk.control, desk.path, 0660);
    a_stranger_hears(*state, 'o'); /* the test has changed it to 0666 */
    assert_int_equal(desk.asked, 1);
    assert_int_equal(desk.uid, 65534);
}

static void a_path_may_be_long(void **state)
{
    const struct scratch *s = *state;
    char folder[300];
    char path[400];
    int fd;

    snprintf(folder, sizeof folder, "%s/%0*d", s->dir, 150, 7);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(path, sizeof path, "%s/a.ctl", folder);
    control_use(desk.control, path, 0640);
    assert_int_equal(access(desk.path, F_OK), -1); /* it has moved */
    snprintf(desk.path, sizeof desk.path, "%s", "");
    fd = unixsocket_connect(path, 1000);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    say(fd, "far\n");
    fcntl(fd, F_SETFL, O_NONBLOCK);
    hears(fd, "ok 13\nyou said far\n");
    control_use(desk.control, NULL, 0);
    assert_int_equal(access(path, F_OK), -1);
}

/* ---- from one master to the next ------------------------------------------*/

static struct control *second;

/* As by an exec: the descriptor with another number. */
static void inherit(const char *path)
{
    struct unixsocket socket;
    const char *said;

    int fd = control_socket_of(desk.control, &said);
    assert_string_equal(said, desk.path);
    second = control_new(desk.loop, answer, NULL);
    assert_non_null(second);
    unixsocket_take(&socket, fcntl(fd, F_DUPFD_CLOEXEC, 3), said);
    control_inherit(second, &socket, said);
    control_use(second, path, 0600);
}

/* The first has left: from now on the turns are the other's. */
static void first_leaves(void)
{
    control_free(desk.control);
    desk.control = second;
}

/* Who connects in between waits, and nobody finds no server. */
static void the_next_master_has_the_same_socket(void **state)
{
    int early, late;

    (void)state;
    inherit(desk.path);
    int fd = dial();
    say(fd, "first?\n");
    hears(fd, "ok 16\nyou said first?\n"); /* the former one answers */
    control_pass_on(desk.control);
    early = dial();
    say(early, "early\n");
    first_leaves();
    late = dial();
    say(late, "late\n");
    turn();
    assert_null(heard(late));
    control_promote(second, desk.path, 0640);
    struct stat st;
    assert_int_equal(stat(desk.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    hears(early, "ok 15\nyou said early\n");
    hears(late, "ok 14\nyou said late\n");
    control_use(second, desk.path, 0600);
    assert_int_equal(access(desk.path, F_OK), 0);
    control_free(second);
    desk.control = NULL;
    assert_int_equal(access(desk.path, F_OK), -1);
}

static void what_the_next_one_does_not_want_is_removed(void **state)
{
    const struct scratch *s = *state;
    char other[160];

    snprintf(other, sizeof other, "%s/b.ctl", s->dir);
    inherit(other);
    assert_int_equal(access(other, F_OK), 0); /* at once */
    control_pass_on(desk.control);
    first_leaves();
    assert_int_equal(access(desk.path, F_OK), 0);
    control_promote(second, other, 0600);
    assert_int_equal(access(desk.path, F_OK), -1);
    snprintf(desk.path, sizeof desk.path, "%s", other);
    int fd = dial();
    say(fd, "there\n");
    hears(fd, "ok 15\nyou said there\n");
}

/* The second one is given up: the first one's socket is as it was. */
static void an_heirloom_stays_when_its_owner_does(void **state)
{
    (void)state;
    inherit(desk.path);
    control_free(second);
    int fd = dial();
    say(fd, "still\n");
    hears(fd, "ok 15\nyou said still\n");
    control_free(desk.control);
    desk.control = NULL;
    assert_int_equal(access(desk.path, F_OK), -1);
}

/* What a second one on that path, which follows `former`, says of it. */
static void second_says(const struct scratch *s, pid_t former,
                        const char *expected)
{
    struct control *other = control_new(desk.loop, answer, NULL);
    const char *path = scratch_name(s, "log");
    char text[1024] = "";

    log_open(path, LOG_DEBUG, false);
    control_follow(other, former);
    control_use(other, desk.path, 0600);
    log_open("/dev/null", LOG_DEBUG, false);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    unlink(path);
    control_free(other);
    if (strstr(text, expected) == NULL)
        fail_msg("no \"%s\" in: %s", expected, text);
}

static void a_former_master_is_no_stranger(void **state)
{
    const struct scratch *s = *state;

    second_says(s, 0, "[WARNING] Control socket: another server listens at ");
    second_says(s, 4711, "[INFO] Control socket: the former master (pid:4711)");
    assert_int_equal(access(desk.path, F_OK), 0); /* it is the first one's */
}

/* ---- the client's side ---------------------------------------------------*/

static const char *database_name(const struct control_target *t)
{
    static char text[600];
    struct arena *arena = arena_new();
    struct fault fault = {""};
    struct control_server server;

    if (control_target_find(t, arena, &server, &fault))
        snprintf(text, sizeof text, "%s", server.path);
    else
        snprintf(text, sizeof text, "fault: %s", fault.text);
    arena_free(arena);
    return text;
}

static void the_socket_is_beside_the_database(void **state)
{
    const struct scratch *s = *state;
    struct control_target t = {.app = s->dir};
    FILE *file = fopen(scratch_name(s, "app.conf"), "w");
    char wanted[200];

    assert_non_null(file);
    fputs("name = x\ndatabase = data/x.db\n", file);
    fclose(file);
    snprintf(wanted, sizeof wanted, "%s/data/x.db.ctl", s->dir);
    assert_string_equal(database_name(&t), wanted);
    t.database = "other.db";
    assert_string_equal(database_name(&t), "other.db.ctl");
    t.socket = "/run/p.ctl";
    assert_string_equal(database_name(&t), "/run/p.ctl");
    t = (struct control_target){.app = "/nowhere"};
    assert_non_null(strstr(database_name(&t), "fault: /nowhere/app.conf"));
}

/* A server that says just that, and then is gone. */
static enum control_reply told(const struct scratch *s, const char *bytes,
                               struct buf *body)
{
    char path[160];
    struct control_server server = {.path = path};
    struct unixsocket fake;
    struct fault fault = {""};

    snprintf(path, sizeof path, "%s/fake.ctl", s->dir);
    assert_true(unixsocket_make(&fake, path, 0600, 4));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        char line[64];
        fcntl(fake.fd, F_SETFL, 0);
        int fd = accept(fake.fd, NULL, NULL);
        ssize_t n = recv(fd, line, sizeof line, 0);
        n = n > 0 ? send(fd, bytes, strlen(bytes), 0) : 0;
        _exit(n < 0);
    }
    enum control_reply reply = control_ask(&server, "x", 2000, body, &fault);
    waitpid(pid, NULL, 0);
    unixsocket_remove(&fake);
    return reply;
}

static void an_answer_is_whole_or_none(void **state)
{
    static const struct {
        const char *bytes;
        enum control_reply reply;
        const char *body;
    } cases[] = {
        {"ok 5\nhallo", CONTROL_OK, "hallo"},
        {"ok 0\n", CONTROL_OK, ""},
        {"refused 3\nno\n", CONTROL_REFUSED, "no\n"},
        {"ok 7\n\x1b[2Ja\nb", CONTROL_OK, "?[2Ja\nb"},
        {"ok 6\nhallo", CONTROL_BROKEN, ""},
        {"ok 4\nhallo", CONTROL_BROKEN, ""},
        {"ok -5\nhallo", CONTROL_BROKEN, ""},
        {"maybe 5\nhallo", CONTROL_BROKEN, ""},
        {"ok", CONTROL_BROKEN, ""},
        {"", CONTROL_BROKEN, ""},
    };
    struct buf body = {0};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(told(*state, cases[i].bytes, &body), cases[i].reply);
        assert_string_equal(buf_text(&body), cases[i].body);
    }
    buf_free(&body);
}

static void nobody_may_be_there(void **state)
{
    const struct scratch *s = *state;
    char path[160];
    struct control_server server = {.path = path};
    struct unixsocket dead;
    struct buf body = {0};
    struct fault fault = {""};

    snprintf(path, sizeof path, "%s/none.ctl", s->dir);
    assert_int_equal(control_ask(&server, "x", 100, &body, &fault),
                     CONTROL_NOBODY);
    assert_true(unixsocket_make(&dead, path, 0600, 4));
    unixsocket_close(&dead);
    assert_int_equal(control_ask(&server, "x", 100, &body, &fault),
                     CONTROL_NOBODY);
    assert_non_null(strstr(fault.text, "No server listens at"));
    /* Stopped: it is there, and says nothing. */
    server.path = desk.path;
    assert_int_equal(control_ask(&server, "x", 50, &body, &fault),
                     CONTROL_BROKEN);
    assert_string_equal(fault.text, "The server does not answer");
    assert_int_equal(server.pid, getpid());
    buf_free(&body);
    unixsocket_remove(&dead);
}

/* Somebody may have put it there who is neither the server nor root. */
static enum control_reply ask_as(uid_t uid, const struct control_server *at)
{
    int ends[2];
    enum control_reply reply = CONTROL_OK;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct control_server server = *at;
        struct buf body = {0};
        struct fault fault = {""};
        if (setuid(uid) != 0)
            _exit(1);
        reply = control_ask(&server, "hello", 5000, &body, &fault);
        if (strstr(fault.text, "who is not expected") == NULL)
            reply += 10;
        _exit(write(ends[1], &reply, sizeof reply) != sizeof reply);
    }
    while (waitpid(pid, NULL, WNOHANG) == 0)
        turn();
    assert_int_equal(read(ends[0], &reply, sizeof reply), sizeof reply);
    close(ends[0]);
    close(ends[1]);
    return reply;
}

static void a_stranger_is_told_nothing(void **state)
{
    const struct scratch *s = *state;
    char path[160];
    struct control_server server = {.path = path};
    struct unixsocket strange;

    if (geteuid() != 0)
        skip();
    snprintf(path, sizeof path, "%s/strange.ctl", s->dir);
    assert_int_equal(chmod(s->dir, 0777), 0);
    assert_int_equal(seteuid(65533), 0);
    assert_true(unixsocket_make(&strange, path, 0666, 4));
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(ask_as(0, &server), CONTROL_BROKEN);
    assert_int_equal(ask_as(65534, &server), CONTROL_BROKEN);
    /* Nobody has asked, and nobody listens: then it is cut off. */
    shutdown(strange.fd, SHUT_RDWR);
    server.any_owner = true;
    assert_int_equal(ask_as(65534, &server), CONTROL_NOBODY + 10);
    unixsocket_remove(&strange);
}

static void the_owner_of_app_or_database_is_expected(void **state)
{
    const struct scratch *s = *state;
    struct control_server server = {.path = ""};
    const char *file = scratch_name(s, "x.db");

    if (geteuid() != 0)
        skip();
    fclose(fopen(file, "w"));
    assert_int_equal(chown(file, 65533, 65533), 0);
    control_expect(&server, scratch_name(s, "none"));
    assert_int_equal(server.owner_count, 0);
    control_expect(&server, file);
    assert_int_equal(server.owner_count, 1);
    assert_int_equal(server.owners[0], 65533);
    unlink(file);
}

#define with_desk(f) cmocka_unit_test_setup_teardown(f, set_up, take_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_desk(a_line_is_answered),
        with_desk(it_may_come_in_pieces),
        with_desk(half_a_line_is_no_order),
        with_desk(a_line_has_a_longest),
        with_desk(garbage_is_a_line_too),
        with_desk(an_answer_may_come_later),
        with_desk(who_waits_costs_nothing),
        with_desk(nobody_waits_for_ever),
        with_desk(a_large_answer_goes_at_the_readers_pace),
        with_desk(who_does_not_read_is_left),
        with_desk(the_one_who_dallies_makes_room),
        with_desk(those_who_wait_keep_their_place),
        with_desk(a_thousand_come_and_go),
        with_desk(everybody_has_only_so_long),
        with_desk(only_its_owner_may_come),
        with_desk(others_are_refused_whatever_its_mode),
        with_desk(a_path_may_be_long),
        with_desk(a_former_master_is_no_stranger),
        with_desk(the_socket_is_beside_the_database),
        with_desk(an_answer_is_whole_or_none),
        with_desk(nobody_may_be_there),
        with_desk(a_stranger_is_told_nothing),
        with_desk(the_owner_of_app_or_database_is_expected),
        with_desk(a_mode_that_lets_others_in_does),
        with_desk(the_next_master_has_the_same_socket),
        with_desk(what_the_next_one_does_not_want_is_removed),
        with_desk(an_heirloom_stays_when_its_owner_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
