#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/digest.h"
#include "worker/endpoint/token.h"

#include "worker/commands/token_actions.h"

enum {
    TOKEN_BYTES = 32,
    COLUMNS = 6, /* of the list */
    EXPIRES_DAYS_MAX = 36500,
};

int token_complain(const char *reason)
{
    fprintf(stderr, "Error: %s\n", reason);
    return EXIT_FAILURE;
}

/* ---- add ---------------------------------------------------------------- */

/* "prg_" and base64url without padding (RFC 4648, 5). */
static void make_token(struct buf *token)
{
    unsigned char bytes[TOKEN_BYTES];

    digest_random(bytes, sizeof bytes);
    buf_string(token, "prg_");
    digest_base64(token, (struct slice){(const char *)bytes, sizeof bytes});
    while (token->data[token->len - 1] == '=')
        token->len--;
    for (size_t i = 0; i < token->len; i++) {
        if (token->data[i] == '+')
            token->data[i] = '-';
        if (token->data[i] == '/')
            token->data[i] = '_';
    }
}

bool token_is_role(const char *role)
{
    size_t len = strspn(role, "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return len > 0 && role[len] == '\0' &&
           len < sizeof((struct identity *)NULL)->role &&
           strcmp(role, "public") != 0;
}

bool token_expiry(const char *duration, char text[32])
{
    int64_t ms;
    struct tm utc;

    if (!text_duration_ms(slice_of(duration), &ms) || ms <= 0 ||
        ms / 86400000 > EXPIRES_DAYS_MAX)
        return false;
    time_t at = time(NULL) + (time_t)(ms / 1000);
    gmtime_r(&at, &utc);
    return strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0;
}

static void bind_new(struct stmt *s, const struct token_words *words,
                     const char hex[DIGEST_HEX], const char *expires)
{
    int64_t user;

    stmt_bind_text(s, 1, (struct slice){hex, DIGEST_HEX});
    if (words->user && text_int64(slice_of(words->user), &user))
        stmt_bind_int(s, 2, user);
    stmt_bind_text(s, 3, slice_of(words->role ? words->role : "user"));
    stmt_bind_text(s, 4, slice_of(words->name));
    if (expires[0])
        stmt_bind_text(s, 5, slice_of(expires));
}

/* Runs one writing statement in its transaction; false: db_message. */
static bool write_once(struct db *db, struct stmt *s)
{
    if (db_begin_write(db) != DB_DONE)
        return false;
    enum db_result r;
    while ((r = stmt_step(s)) == DB_ROW)
        ;
    stmt_reset(s);
    if (r == DB_DONE)
        return db_commit(db) == DB_DONE;
    db_rollback(db);
    return false;
}

/* The token alone on standard output, so that scripts can take it. */
static int show_token(struct db *db, const struct token_words *words,
                      struct buf *token)
{
    if (printf("%s\n", buf_text(token)) < 0 || fflush(stdout) != 0) {
        fprintf(stderr,
                "Error: the token was added, but cannot be printed: %s; "
                "revoke it and add another\n",
                strerror(errno));
        return EXIT_FAILURE;
    }
    fprintf(stderr,
            "A token with role %s was added to %s.\n"
            "It is shown only this once. Requests send it as\n"
            "Authorization: Bearer TOKEN\n",
            words->role ? words->role : "user", db_path(db));
    return EXIT_SUCCESS;
}

int token_add(struct db *db, const struct token_words *words)
{
    static const char sql[] =
        "INSERT INTO tokens(sha256, user_id, role, name, created_at,"
        " expires_at) VALUES (?1, ?2, ?3, ?4,"
        " strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?5)";
    struct buf token = {0};
    char hex[DIGEST_HEX];
    char expires[32] = "";
    struct fault fault;
    int offset;
    struct stmt *s = db_prepare(db, sql, &fault, &offset);

    if (s == NULL)
        return token_complain(fault.text);
    if (words->expires)
        token_expiry(words->expires, expires);
    make_token(&token);
    digest_hex(buf_view(&token), hex);
    bind_new(s, words, hex, expires);
    int code = write_once(db, s) ? show_token(db, words, &token)
                                 : token_complain(db_message(db));
    buf_free(&token);
    return code;
}

/* ---- list --------------------------------------------------------------- */

static size_t characters(struct slice s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++)
        n += (s.ptr[i] & 0xC0) != 0x80; /* all but continuation bytes */
    return n;
}

/* Names may hold anything: control characters must not reach a terminal. */
static void put_cell(struct buf *line, struct slice text, size_t width)
{
    for (size_t i = 0; i < text.len; i++)
        if (iscntrl((unsigned char)text.ptr[i]))
            buf_byte(line, '?');
        else
            buf_byte(line, text.ptr[i]);
    for (size_t n = characters(text); n < width; n++)
        buf_byte(line, ' ');
    buf_string(line, "  ");
}

static void put_line(struct buf *line)
{
    while (line->len > 0 && line->data[line->len - 1] == ' ')
        line->len--;
    puts(buf_text(line));
    buf_clear(line);
}

static const char *const heads[COLUMNS] = {"id",   "role",    "user",
                                           "name", "created", "expires"};

static enum db_result measure(struct stmt *s, size_t width[COLUMNS])
{
    enum db_result r;

    for (int i = 0; i < COLUMNS; i++)
        width[i] = strlen(heads[i]);
    while ((r = stmt_step(s)) == DB_ROW)
        for (int i = 0; i < COLUMNS; i++) {
            size_t n = characters(stmt_text(s, i));
            width[i] = n > width[i] ? n : width[i];
        }
    stmt_reset(s);
    return r;
}

static enum db_result print_table(struct stmt *s)
{
    size_t width[COLUMNS];
    struct buf line = {0};
    enum db_result r = measure(s, width);

    if (r != DB_DONE)
        return r;
    for (int i = 0; i < COLUMNS; i++)
        put_cell(&line, slice_of(heads[i]), width[i]);
    put_line(&line);
    while ((r = stmt_step(s)) == DB_ROW) {
        for (int i = 0; i < COLUMNS; i++)
            put_cell(&line, stmt_text(s, i), width[i]);
        put_line(&line);
    }
    buf_free(&line);
    return r;
}

int token_list(struct db *db, const struct token_words *words)
{
    static const char sql[] =
        "SELECT id, role, coalesce(user_id, '-'), name, created_at, CASE"
        " WHEN expires_at IS NULL THEN 'never'"
        " WHEN datetime(expires_at) > datetime('now') THEN expires_at"
        " ELSE expires_at || ' (expired)' END FROM tokens ORDER BY id";
    struct fault fault;
    int offset;
    struct stmt *s = db_prepare(db, sql, &fault, &offset);

    (void)words;
    if (s == NULL)
        return token_complain(fault.text);
    /* Both passes see the same rows. */
    db_share_reads(db);
    bool ok = db_begin_read(db) == DB_DONE && print_table(s) == DB_DONE;
    stmt_reset(s);
    db_unshare(db);
    return ok ? EXIT_SUCCESS : token_complain(db_message(db));
}

/* ---- revoke ------------------------------------------------------------- */

int token_revoke(struct db *db, const struct token_words *words)
{
    struct fault fault;
    int offset;
    int64_t id = 0;
    struct stmt *s =
        db_prepare(db, "DELETE FROM tokens WHERE id = ?1", &fault, &offset);

    if (s == NULL)
        return token_complain(fault.text);
    text_int64(slice_of(words->id), &id);
    stmt_bind_int(s, 1, id);
    if (!write_once(db, s))
        return token_complain(db_message(db));
    if (db_changes(db) == 0) {
        fprintf(stderr, "Error: there is no token %s\n", words->id);
        return EXIT_FAILURE;
    }
    fprintf(stderr, "Token %s was revoked.\n", words->id);
    return EXIT_SUCCESS;
}
