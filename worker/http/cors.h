/*
 * cors: which pages of other sites may read answers (cross-origin resource
 * sharing, fetch.spec.whatwg.org, "CORS protocol"): by the setting
 * cors_origin, or an endpoint's @cors, which goes before. The browser decides;
 * the server only says what it may. So nothing is refused here.
 *
 * Access-Control-Allow-Credentials is never sent. It is about what a browser
 * sends by itself, cookies above all, and there are none: who calls shows a
 * token that the page must hold and put into Authorization, which needs no
 * such leave. With it, any listed site could act as its visitor.
 *
 * The fields are put on an answer as it is sent, never on what is kept: one
 * kept answer serves pages of several origins.
 */
#ifndef PRONG_CORS_H
#define PRONG_CORS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/app.h"
#include "common/settings/settings.h"
#include "worker/http/request.h"
#include "worker/http/response.h"

struct cors; /* one rule. A null one admits nobody, and adds nothing */

/* Whether pages of that origin, as the field Origin names it, are admitted:
 * when it is listed byte by byte, or all are. "null" is only among all. */
bool cors_admits(const struct cors *rule, struct slice origin);

/* Adds what the rule says to a finished answer: Vary: Origin always, when the
 * answer depends on it (whoever asked, since caches on the way hold it). */
void cors_answer(const struct cors *rule, const struct request *req,
                 struct response *res);

/* The rules of an app. Null when there is none, and nothing is to be done. */
struct cors_rules;

struct cors_rules *cors_rules_new(const struct app *app,
                                  const struct settings *settings);
void cors_rules_free(struct cors_rules *rules);

/* Of an endpoint by its number in app->endpoints; and of paths where there is
 * none, so that a page can read why it got nothing. */
const struct cors *cors_of(const struct cors_rules *rules, size_t endpoint);
const struct cors *cors_of_rest(const struct cors_rules *rules);

#endif
