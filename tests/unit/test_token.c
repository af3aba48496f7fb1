#include "tokens.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "common/segment/heritage.h"

/* An app folder with nothing but its settings; the database lies beside. */
static void make_app(const struct scratch *s)
{
    write_file(scratch_name(s, "app.conf"), "database = a.db\n", 16);
}

static void test_find(void **state)
{
    static const struct {
        const char *token;
        const char *columns; /* role, user_id, expires_at */
        struct identity who;
    } cases[] = {
        {"plain", "'user', 7, NULL", {true, true, 7, "user", false}},
        {"nobody", "'admin', NULL, NULL", {true, false, 0, "admin", false}},
        {"later",
         "'user', 1, '2999-01-31T12:00:00Z'",
         {true, true, 1, "user", false}},
        {"later too",
         "'user', 1, '2999-01-31 12:00'",
         {true, true, 1, "user", false}},
        {"soon",
         "'user', 1, datetime('now', '+1 minute')",
         {true, true, 1, "user", false}},
        {"past", "'user', 1, datetime('now', '-1 second')", {.known = false}},
        {"long past", "'user', 1, '2020-01-01T00:00:00Z'", {.known = false}},
        {"unreadable", "'user', 1, 'next week'", {.known = false}},
        {"31",
         "'a234567890123456789012345678901', 1, NULL",
         {true, true, 1, "a234567890123456789012345678901", false}},
        {"32", "'a2345678901234567890123456789012', 1, NULL", {.known = false}},
    };
    struct db *db = open_tokens(*state);
    struct fault fault;
    struct identity who;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        insert(db, cases[i].token, cases[i].columns);
    struct tokens *t = tokens_open(db, &fault);
    assert_non_null(t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        who = (struct identity){true, true, 99, "admin", false};
        assert_int_equal(tokens_find(t, slice_of(cases[i].token), &who),
                         DB_DONE);
        assert_int_equal(who.known, cases[i].who.known);
        assert_int_equal(who.has_user, cases[i].who.has_user);
        assert_int_equal(who.user_id, cases[i].who.user_id);
        assert_string_equal(who.role, cases[i].who.role);
    }
    who.known = true;
    assert_int_equal(tokens_find(t, SLICE("plain "), &who), DB_DONE);
    assert_false(who.known);
    assert_int_equal(tokens_find(t, SLICE(""), &who), DB_DONE);
    assert_false(who.known);
    tokens_close(t);
    tokens_close(NULL);
    db_close(db);
}

/* One that was marked, among others that were not. */
static void test_demo_tokens(void **state)
{
    struct db *db = open_tokens(*state);
    struct fault fault;
    struct identity who;

    insert(db, "demo", "'admin', 1, NULL");
    insert(db, "real", "'admin', 1, NULL");
    must_run(db, "INSERT INTO prong_demo_tokens SELECT sha256 FROM tokens"
                 " WHERE id = 1");
    struct tokens *t = tokens_open(db, &fault);
    assert_non_null(t);
    assert_int_equal(tokens_find(t, SLICE("demo"), &who), DB_DONE);
    assert_true(who.known && who.demo);
    assert_int_equal(tokens_find(t, SLICE("real"), &who), DB_DONE);
    assert_true(who.known && !who.demo);
    tokens_close(t);
    db_close(db);
}

static void test_find_without_database(void **state)
{
    const struct scratch *s = *state;
    struct db *db = open_tokens(s);
    struct fault fault;
    struct identity who;
    struct tokens *t = tokens_open(db, &fault);

    assert_int_equal(unlink(s->path), 0);
    assert_false(db_ready(db, 1000));
    assert_int_equal(tokens_find(t, SLICE("x"), &who), DB_GONE);
    assert_false(who.known);
    tokens_close(t);
    db_close(db);
}

/* ---- the command ---- */

/* A descriptor made to write into a file, until put back. */
static int divert(int fd, const char *path)
{
    int kept = dup(fd);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    fflush(NULL);
    assert_true(kept >= 0 && file >= 0);
    assert_int_equal(dup2(file, fd), fd);
    close(file);
    return kept;
}

static void put_back(int fd, int kept)
{
    fflush(NULL);
    dup2(kept, fd);
    close(kept);
}

static const char *slurp(const char *path, char *into, size_t size)
{
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    into[fread(into, 1, size - 1, f)] = '\0';
    fclose(f);
    return into;
}

static struct {
    char out[4096];
    char err[4096];
} said;

/* `prong token WORDS…`, where APP is the scratch folder and DB a file in it
 * that is not the app's database. */
static int command(const struct scratch *s, const char *words)
{
    char copy[256];
    char app[64];
    char other[128];
    char out[128];
    char err[128];
    char *argv[16] = {copy, copy};
    int argc = 2;

    snprintf(copy, sizeof copy, "%s", words);
    snprintf(app, sizeof app, "%s", s->dir);
    snprintf(other, sizeof other, "%s/other.db", s->dir);
    snprintf(out, sizeof out, "%s/out", s->dir);
    snprintf(err, sizeof err, "%s/err", s->dir);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        argv[argc++] = strcmp(w, "APP") == 0  ? app
                       : strcmp(w, "DB") == 0 ? other
                                              : w;
    int kept_out = divert(STDOUT_FILENO, out);
    int kept_err = divert(STDERR_FILENO, err);
    int code = token_command(argc, argv);
    put_back(STDOUT_FILENO, kept_out);
    put_back(STDERR_FILENO, kept_err);
    slurp(out, said.out, sizeof said.out);
    slurp(err, said.err, sizeof said.err);
    return code;
}

static struct identity identity_of(const struct scratch *s, const char *token)
{
    struct db *db = must_open(s->path, DB_SERVE);
    struct fault fault;
    struct identity who;
    struct tokens *t = tokens_open(db, &fault);

    assert_int_equal(tokens_find(t, slice_of(token), &who), DB_DONE);
    tokens_close(t);
    db_close(db);
    return who;
}

/* The token printed: one line and nothing else. */
static struct slice printed_token(void)
{
    struct slice token = {said.out, strcspn(said.out, "\n")};

    assert_string_equal(said.out + token.len, "\n");
    said.out[token.len] = '\0';
    assert_int_equal(token.len, 4 + 43);
    assert_memory_equal(token.ptr, "prg_", 4);
    assert_int_equal(strspn(token.ptr, "abcdefghijklmnopqrstuvwxyz0123456789-_"
                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                     token.len);
    assert_null(strstr(said.err, token.ptr));
    return token;
}

static void test_life(void **state)
{
    const struct scratch *s = *state;
    char first[64];

    make_app(s);
    assert_int_equal(command(s, "add APP --user 42 --role editor --name"
                                " pipeline --expires 30d"),
                     0);
    snprintf(first, sizeof first, "%s", printed_token().ptr);
    struct identity who = identity_of(s, first);
    assert_true(who.known && who.has_user);
    assert_int_equal(who.user_id, 42);
    assert_string_equal(who.role, "editor");

    /* The file is the owner's secret no more than any database: it holds no
     * token. */
    struct db *db = must_open(s->path, DB_SERVE);
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM tokens WHERE sha256 ="
             " '%s' OR name = '%s'",
             first, first);
    assert_int_equal(one_int(db, sql), 0);
    assert_int_equal(
        one_int(db, "SELECT round(julianday(expires_at) - julianday('now'))"
                    " FROM tokens"),
        30);
    db_close(db);

    assert_int_equal(command(s, "add APP"), 0);
    who = identity_of(s, printed_token().ptr);
    assert_true(who.known && !who.has_user);
    assert_string_equal(who.role, "user");

    assert_int_equal(command(s, "revoke APP 1"), 0);
    assert_false(identity_of(s, first).known);
    assert_int_equal(command(s, "revoke APP 1"), 1);
    assert_string_equal(said.err, "Error: there is no token 1\n");
}

static void test_list(void **state)
{
    const struct scratch *s = *state;

    make_app(s);
    assert_int_equal(command(s, "list APP"), 0);
    assert_string_equal(said.out, "id  role  user  name  created  expires\n");

    struct db *db = must_open(s->path, DB_SERVE);
    must_run(db, "INSERT INTO tokens VALUES"
                 " (1, 'aa', 12345, 'user', 'grün', '2026-01-01', NULL),"
                 " (20, 'bb', NULL, 'admin', char(27, 10) || 'x', '2026-01-01',"
                 " '2026-01-02T00:00:00Z');");
    db_close(db);
    assert_int_equal(command(s, "list APP"), 0);
    assert_string_equal(
        said.out,
        "id  role   user   name  created     expires\n"
        "1   user   12345  grün  2026-01-01  never\n"
        "20  admin  -      ??x   2026-01-01  2026-01-02T00:00:00Z (expired)\n");
}

static void test_other_database(void **state)
{
    const struct scratch *s = *state;

    make_app(s);
    assert_int_equal(command(s, "add --database DB APP --role=admin"), 0);
    assert_int_equal(access(s->path, F_OK), -1);
    assert_int_equal(command(s, "list APP --database DB"), 0);
    assert_non_null(strstr(said.out, "admin"));
}

static void test_failures(void **state)
{
    static const struct {
        const char *words;
        int code;
        const char *reason;
    } cases[] = {
        {"", EXIT_USAGE, "say add, list or revoke"},
        {"steal APP", EXIT_USAGE, "say add, list or revoke"},
        {"add", EXIT_USAGE, "the app's folder is missing"},
        {"add APP more", EXIT_USAGE, "one word too many: more"},
        {"add APP --nope", EXIT_USAGE, "bad option --nope"},
        {"add APP --user", EXIT_USAGE, "bad option --user"},
        {"add APP --user x", EXIT_USAGE, "--user takes a number, not x"},
        {"add APP --role public", EXIT_USAGE, "--role takes a short word"},
        {"add APP --role a'b", EXIT_USAGE, "--role takes a short word"},
        {"add APP --role a2345678901234567890123456789012", EXIT_USAGE,
         "--role takes a short word"},
        {"add APP --expires soon", EXIT_USAGE, "--expires takes a time"},
        {"add APP --expires 0d", EXIT_USAGE, "--expires takes a time"},
        {"add APP --expires 40000d", EXIT_USAGE, "--expires takes a time"},
        {"list APP --role user", EXIT_USAGE, "belongs to \"token add\""},
        {"list APP 3", EXIT_USAGE, "one word too many: 3"},
        {"revoke APP", EXIT_USAGE, "the ID is missing"},
        {"revoke APP x", EXIT_USAGE, "the ID must be a number, not x"},
        {"add /nowhere/at/all", EXIT_FAILURE, "/nowhere/at/all"},
        {"add APP --database /nowhere/x.db", EXIT_FAILURE,
         "database /nowhere/x.db: its folder does not exist"},
    };
    const struct scratch *s = *state;

    make_app(s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(command(s, cases[i].words), cases[i].code);
        if (strstr(said.err, cases[i].reason) == NULL)
            fail_msg("%s: %s", cases[i].words, said.err);
        assert_string_equal(said.out, "");
        assert_int_equal(strstr(said.err, "usage: ") != NULL,
                         cases[i].code == EXIT_USAGE);
    }
    assert_int_equal(access(s->path, F_OK), -1); /* nothing was made */
    assert_int_equal(command(s, "--help"), 0);
    assert_memory_equal(said.out, "usage: ", 7);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        TEST(test_find),
        TEST(test_demo_tokens),
        TEST(test_find_without_database),
        TEST(test_life),
        TEST(test_list),
        TEST(test_other_database),
        TEST(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
