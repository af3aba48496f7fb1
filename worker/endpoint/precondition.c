#include <string.h>

#include "worker/http/answer.h"
#include "worker/http/conditions.h"
#include "worker/http/problem.h"

#include "worker/endpoint/precondition.h"

bool precondition_asked(const struct request *req)
{
    return conditions_present(req);
}

/* What is needed for an answer that nobody gets. */
struct rehearsal {
    struct question question;
    struct listing listing;
    struct response res;
    struct call call;
    struct answer answer;
    struct slice tag; /* of what is there; null ptr: nothing is */
};

/* Time and statements count as the write's own, and its id is logged. */
static void begin(const struct precondition *p, struct rehearsal *r)
{
    const struct call *call = p->run->call;

    response_init(&r->res);
    memcpy(r->res.id, call->res->id, call->res->id_len);
    r->res.id_len = call->res->id_len;
    r->call =
        (struct call){.req = call->req, .res = &r->res, .trace = call->trace};
    r->question.who = p->run->question->who;
}

/* Finds the tag of what is there. False when that failed: r->res says how, and
 * the transaction is over. What the request has no right values to ask for
 * has no tag, as without a twin. */
static bool find_tag(const struct precondition *p, struct rehearsal *r)
{
    struct run run = *p->run;

    run.question = &r->question;
    run.listing = &r->listing;
    run.call = &r->call;
    run.allowed = NULL;
    r->tag = SLICE("");
    if (p->twin == NULL ||
        !question_read(&r->question, p->reader, p->twin, r->call.req, &r->res))
        return true;
    r->tag = (struct slice){NULL, 0};
    if (!run_read(&run))
        return r->res.status == 404;
    answer_take(&r->answer, &r->res, NULL);
    r->tag = slice_of(r->answer.tag);
    return true;
}

static void hand_over(const struct rehearsal *r, struct response *res)
{
    res->status = r->res.status;
    res->type = r->res.type;
    response_drop_body(res); /* the write's list had begun */
    buf_slice(&res->headers, buf_view(&r->res.headers));
    buf_slice(&res->body, response_body(&r->res));
}

static bool judge(const struct precondition *p, struct rehearsal *r)
{
    const struct call *call = p->run->call;

    if (!find_tag(p, r)) {
        hand_over(r, call->res);
        return false;
    }
    if (conditions_match(call->req, r->tag))
        return true;
    problem(call->res, 412,
            "What is there now is not what the request was made for");
    return false;
}

bool precondition_holds(void *self)
{
    const struct precondition *p = self;
    struct rehearsal r = {.tag = {NULL, 0}};

    begin(p, &r);
    bool holds = judge(p, &r);
    question_free(&r.question);
    listing_free(&r.listing);
    response_free(&r.res);
    return holds;
}
