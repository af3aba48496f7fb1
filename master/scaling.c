#include "common/segment/heritage.h"

#include "master/scaling.h"

struct scaling_limits scaling_limits(const struct settings *s)
{
    struct scaling_limits l = {1, WORKERS_MAX};

    if (s->workers_max == 0)
        return l;
    if (s->workers_max < l.max)
        l.max = s->workers_max;
    if (s->workers_min > l.min)
        l.min = s->workers_min < l.max ? s->workers_min : l.max;
    return l;
}

int64_t scaling_clip(const struct scaling_limits *limits, int64_t count)
{
    if (count < limits->min)
        return limits->min;
    return count < limits->max ? count : limits->max;
}

void scaling_disturbed(struct scaling *s)
{
    s->samples = 0;
    s->jammed = 0;
    s->idle = 0;
}

/* ---- growing ----------------------------------------------------------- */

/* One sample can be a hiccup. */
static unsigned mean(const struct scaling *s, const struct scaling_sample *now)
{
    return s->samples < 2 ? 0 : (s->before + now->busy) / 2;
}

static int64_t aim(const struct scaling_sample *now, unsigned busy)
{
    int64_t count = (now->serving * busy + SCALING_AIM - 1) / SCALING_AIM;

    if (count > 2 * now->wanted)
        return 2 * now->wanted;
    return count > now->wanted ? count : now->wanted + 1;
}

static void note_growth(struct scaling *s)
{
    unsigned calm = s->calm ? s->calm : SCALING_CALM;

    if (s->shrunk)
        s->calm = calm * 2 < SCALING_CALM_MAX ? calm * 2 : SCALING_CALM_MAX;
    s->shrunk = 0;
    scaling_disturbed(s);
}

/* ---- shrinking --------------------------------------------------------- */

static bool is_calm(const struct scaling *s)
{
    return s->idle >= (s->calm ? s->calm : SCALING_CALM);
}

static void note_shrinking(struct scaling *s)
{
    s->shrunk = 1;
    scaling_disturbed(s);
}

static void age(struct scaling *s)
{
    if (s->shrunk == 0 || ++s->shrunk <= SCALING_FLAP)
        return;
    s->shrunk = 0; /* that one was right */
    s->calm = s->calm / 2 > SCALING_CALM ? s->calm / 2 : SCALING_CALM;
}

/* ---- both -------------------------------------------------------------- */

static void watch(struct scaling *s, const struct scaling_sample *now)
{
    age(s);
    s->samples++;
    s->jammed = now->backlog > 0 ? s->jammed + 1 : 0;
    s->idle = now->busy < SCALING_SHRINK && now->backlog == 0 ? s->idle + 1 : 0;
}

int64_t scaling_follow(struct scaling *s, const struct scaling_limits *limits,
                       const struct scaling_sample *now)
{
    int64_t wanted = scaling_clip(limits, now->wanted);

    if (now->serving < wanted) { /* those to come may be enough */
        scaling_disturbed(s);
        return wanted;
    }
    watch(s, now);
    unsigned busy = mean(s, now);
    s->before = now->busy;
    if ((busy >= SCALING_GROW || s->jammed >= 2) && wanted < limits->max) {
        note_growth(s);
        return scaling_clip(limits, aim(now, busy));
    }
    if (is_calm(s) && wanted > limits->min) {
        note_shrinking(s);
        return wanted - 1;
    }
    return wanted;
}
