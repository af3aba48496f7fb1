#include <string.h>

#include "common/app/sqllex.h"

enum { NAME_MAX_BYTES = 64 };

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* SQLite's IdChar: '$' and every byte of a multi-byte character count. */
static bool is_word(char c)
{
    return is_alpha(c) || is_digit(c) || c == '$' || (c & 0x80);
}

/* The byte `ahead` of the scanner, NUL behind the end. */
static char peek(const struct sqllex *lex, size_t ahead)
{
    if (ahead >= (size_t)(lex->end - lex->at))
        return '\0';
    return lex->at[ahead];
}

static size_t word_length(const struct sqllex *lex, size_t from)
{
    size_t n = 0;

    while (is_word(peek(lex, from + n)))
        n++;
    return n;
}

/* Length up to and with `mark`, which follows at least `skip` bytes; 0 when
 * the text ends first. */
static size_t length_through(const struct sqllex *lex, size_t skip,
                             const char *mark)
{
    size_t left = (size_t)(lex->end - lex->at);
    const char *found = NULL;

    if (left > skip)
        found = memmem(lex->at + skip, left - skip, mark, strlen(mark));
    return found ? (size_t)(found - lex->at) + strlen(mark) : 0;
}

/* Quotes are doubled to stand for themselves, but for "[…]". */
static size_t string_length(const struct sqllex *lex)
{
    const char mark[] = {lex->at[0], '\0'};
    size_t n;

    if (lex->at[0] == '[')
        return length_through(lex, 1, "]");
    n = length_through(lex, 1, mark);
    while (n > 0 && peek(lex, n) == mark[0])
        n = length_through(lex, n + 1, mark);
    return n;
}

static enum sql_kind scan_string(const struct sqllex *lex, size_t *length)
{
    *length = string_length(lex);
    if (*length > 0)
        return SQL_STRING;
    *length = (size_t)(lex->end - lex->at);
    return SQL_UNTERMINATED;
}

static enum sql_kind scan_line_comment(const struct sqllex *lex, size_t *length)
{
    size_t n = length_through(lex, 2, "\n");

    *length = n > 0 ? n - 1 : (size_t)(lex->end - lex->at);
    if (lex->at[*length - 1] == '\r')
        --*length;
    return SQL_LINE_COMMENT;
}

static enum sql_kind scan_block_comment(const struct sqllex *lex,
                                        size_t *length)
{
    *length = length_through(lex, 2, "*/");
    if (*length > 0)
        return SQL_BLOCK_COMMENT;
    *length = (size_t)(lex->end - lex->at);
    return SQL_UNTERMINATED;
}

/*
 * SQLite takes ":a::b" and ":a(b)" for the name of one parameter, as Tcl
 * needs it; read as ":a" they would stay unbound, so they are strange here.
 */
static enum sql_kind scan_param(const struct sqllex *lex, size_t *length)
{
    size_t n = 1 + word_length(lex, 1);

    *length = n;
    if (n == 1)
        return lex->at[0] == '?' ? SQL_STRANGE_PARAM : SQL_OTHER;
    if (lex->at[0] != ':' || peek(lex, n) == '(' ||
        (peek(lex, n) == ':' && peek(lex, n + 1) == ':'))
        return SQL_STRANGE_PARAM;
    if (n == 5 && memcmp(lex->at, ":auth", 5) == 0 && peek(lex, n) == '.')
        *length = n + 1 + word_length(lex, n + 1);
    return SQL_PARAM;
}

/* The kind and length of what starts here, which is no blank. */
static enum sql_kind scan(const struct sqllex *lex, size_t *length)
{
    char c = lex->at[0];

    *length = 1;
    switch (c) {
    case '\'':
    case '"':
    case '`':
    case '[': return scan_string(lex, length);
    case ':':
    case '@':
    case '$':
    case '#':
    case '?': return scan_param(lex, length);
    case ';': return SQL_SEMICOLON;
    case '-':
        return peek(lex, 1) == '-' ? scan_line_comment(lex, length) : SQL_OTHER;
    case '/':
        return peek(lex, 1) == '*' ? scan_block_comment(lex, length)
                                   : SQL_OTHER;
    default:
        if (!is_word(c))
            return SQL_OTHER;
        *length = word_length(lex, 0);
        return SQL_WORD;
    }
}

static void pass(struct sqllex *lex, size_t length)
{
    const char *stop = lex->at + length;

    for (; lex->at < stop; lex->at++) {
        if (*lex->at == '\n') {
            lex->line++;
            lex->leads_line = true;
        } else if (!is_space(*lex->at)) {
            lex->leads_line = false;
        }
    }
}

struct sqllex sqllex_start(struct slice text)
{
    struct sqllex lex = {text.ptr, text.ptr + text.len, 1, true};

    if (text.len >= 3 && memcmp(text.ptr, "\xEF\xBB\xBF", 3) == 0)
        lex.at += 3;
    return lex;
}

struct sql_token sqllex_next(struct sqllex *lex)
{
    struct sql_token token = {.kind = SQL_END};

    while (lex->at < lex->end && is_space(*lex->at))
        pass(lex, 1);
    token.text.ptr = lex->at;
    token.line = lex->line;
    token.leads_line = lex->leads_line;
    if (lex->at < lex->end) {
        token.kind = scan(lex, &token.text.len);
        pass(lex, token.text.len);
    }
    return token;
}

bool sqllex_is_name(struct slice s)
{
    if (s.len == 0 || s.len > NAME_MAX_BYTES || is_digit(s.ptr[0]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_alpha(s.ptr[i]) && !is_digit(s.ptr[i]))
            return false;
    return true;
}

bool sqllex_check(struct slice text, int *line, struct fault *fault)
{
    struct slice rest = text;

    /* No UTF-8 sequence spans lines, so the lines can be tried one by one. */
    for (*line = 1; rest.ptr; ++*line) {
        struct slice one = slice_cut(&rest, '\n');
        if (one.len > 0 && memchr(one.ptr, '\0', one.len))
            return fault_set(fault, "a NUL byte");
        if (!text_is_utf8(one))
            return fault_set(fault, "not UTF-8");
    }
    return true;
}
