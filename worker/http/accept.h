/*
 * accept: which of the forms in which rows can be written a client likes best
 * (RFC 9110, 12.5.1). Pure.
 */
#ifndef PRONG_ACCEPT_H
#define PRONG_ACCEPT_H

#include "common/text.h"

enum form { FORM_JSON, FORM_CSV, FORM_NDJSON, FORM_COUNT };

/*
 * The form with the highest q-value; JSON wins ties, and is also the answer
 * when nothing fits (a client that gets what it did not ask for can still say
 * so; one that gets 406 has nothing).
 */
enum form accept_form(struct slice accept);
const char *form_type(enum form form); /* its Content-Type */

#endif
