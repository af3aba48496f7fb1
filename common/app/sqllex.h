/*
 * sqllex: cuts SQL text into the few kinds of tokens that annotations need:
 * where strings and comments lie, where a statement ends, which parameters it
 * names. It follows SQLite's tokenizer (sqlite.org/lang_keywords.html and
 * tokenize.c) in what it calls one token; whether the SQL is right is for
 * SQLite to say.
 *
 * Pure: tokens are slices of the text, nothing is allocated.
 */
#ifndef PRONG_SQLLEX_H
#define PRONG_SQLLEX_H

#include <stdbool.h>

#include "common/text.h"

enum sql_kind {
    SQL_END,           /* of the text */
    SQL_LINE_COMMENT,  /* from "--" to the end of its line, without it */
    SQL_BLOCK_COMMENT, /* C's */
    SQL_STRING,        /* 'x' "x" `x` [x]: literal or quoted name */
    SQL_WORD,          /* keyword, name or number */
    SQL_PARAM,         /* ":name" or ":auth.name" */
    SQL_STRANGE_PARAM, /* ? ?1 @x $x, and Tcl's :x::y and :x(y) */
    SQL_SEMICOLON,
    SQL_OTHER,        /* one byte of anything else */
    SQL_UNTERMINATED, /* a string or comment that the text's end cuts off */
};

struct sql_token {
    enum sql_kind kind;
    struct slice text;
    int line;        /* of its first byte, from 1 */
    bool leads_line; /* only blanks stand before it on its line */
};

/* Where the scanner stands; the fields are its own. */
struct sqllex {
    const char *at;
    const char *end;
    int line;
    bool leads_line;
};

/* Starts at line 1; a byte order mark at the front is passed over. */
struct sqllex sqllex_start(struct slice text);
/* The next token; SQL_END for ever once the text is used up. */
struct sql_token sqllex_next(struct sqllex *lex);

/* A letter or '_', then letters, digits and '_', at most 64, all ASCII. */
bool sqllex_is_name(struct slice s);

/*
 * SQL text must be UTF-8 without NUL bytes, at which SQLite would stop
 * reading. False with the line of the first fault in *line and the reason.
 */
bool sqllex_check(struct slice text, int *line, struct fault *fault);

#endif
