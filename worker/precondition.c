#include "worker/answer.h"
#include "worker/conditions.h"
#include "worker/problem.h"

#include "worker/precondition.h"

bool precondition_asked(const struct request *req)
{
    return conditions_present(req);
}

/* What is needed for an answer that nobody gets. */
struct rehearsal {
    struct question question;
    struct listing listing;
    struct response res;
    struct trace trace;
    struct call call;
    struct answer answer;
};

/* The tag of what is there; a null ptr when nothing is. */
static struct slice present_tag(const struct precondition *p,
                                struct rehearsal *r)
{
    struct run run = *p->run;

    r->call = (struct call){
        .req = p->run->call->req, .res = &r->res, .trace = &r->trace};
    r->question.who = p->run->question->who;
    run.question = &r->question;
    run.listing = &r->listing;
    run.call = &r->call;
    run.allowed = NULL;
    if (!question_read(&r->question, p->reader, p->twin, r->call.req,
                       &r->res) ||
        !run_all(&run))
        return (struct slice){NULL, 0};
    answer_take(&r->answer, &r->res, NULL);
    return slice_of(r->answer.tag);
}

static bool compare(const struct precondition *p)
{
    struct rehearsal r = {0};

    response_init(&r.res);
    bool holds = conditions_match(p->run->call->req, present_tag(p, &r));
    question_free(&r.question);
    listing_free(&r.listing);
    response_free(&r.res);
    return holds;
}

bool precondition_holds(void *self)
{
    const struct precondition *p = self;
    const struct request *req = p->run->call->req;

    if (p->twin ? compare(p) : conditions_match(req, SLICE("")))
        return true;
    problem(p->run->call->res, 412,
            "What is there now is not what the request was made for");
    return false;
}
