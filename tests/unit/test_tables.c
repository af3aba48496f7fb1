#include "crowd.h"

#include "common/segment/heritage.h"
#include "common/segment/names.h"
#include "common/segment/tables.h"

/*
 * The protocol, step by step. A story is a text of steps, divided by ';':
 *
 *     moment           the reader notes it
 *     read A yes       may A be kept? If so it is
 *     good no          is what was kept last still good?
 *     begin 1 A        slot 1 announces A ('?': it is not known what)
 *     commit           somebody's commit shows in the change counter
 *     wrote 1          slot 1 ends and has committed …
 *     not 1            … or has not
 *     forget 1 yes     slot 1's process is gone; was it at it?
 *     move A; all      by hand
 *     known no         has nobody but us written?
 *     rebase           another file
 *     reset            the change counter stands at 0 again
 *     strangers 2 yes  have so many been noticed?
 *
 * Tables are letters: A and a share their bit in the marks, B does not.
 */
enum { A = 5, B = 6, ANY = NAMES_MAX };

struct stage {
    struct tables *tables;
    volatile uint32_t change;
    struct moment moment;
    unsigned table; /* what was kept last */
    uint64_t version, epoch;
    unsigned slot, named; /* the present step's */
};

static bool do_moment(struct stage *s)
{
    tables_moment(s->tables, &s->moment);
    return true;
}

static bool do_read(struct stage *s)
{
    uint64_t version;

    if (!tables_unmoved(s->tables, &s->moment, s->named, &version))
        return false;
    s->table = s->named;
    s->version = version;
    s->epoch = s->moment.epoch;
    return true;
}

static bool do_good(struct stage *s)
{
    return tables_version(s->tables, s->table) == s->version &&
           tables_epoch(s->tables) == s->epoch;
}

static bool do_begin(struct stage *s)
{
    tables_begin(s->tables, s->slot, &s->named, s->named != ANY);
    return true;
}

static bool do_commit(struct stage *s)
{
    s->change = s->change + 1;
    return true;
}

static bool do_wrote(struct stage *s)
{
    tables_end(s->tables, s->slot, true);
    return true;
}

static bool do_not(struct stage *s)
{
    tables_end(s->tables, s->slot, false);
    return true;
}

static bool do_forget(struct stage *s)
{
    return tables_forget(s->tables, s->slot);
}

static bool do_move(struct stage *s)
{
    tables_move(s->tables, s->named);
    return true;
}

static bool do_all(struct stage *s)
{
    tables_move_all(s->tables);
    return true;
}

static bool do_known(struct stage *s)
{
    return tables_known(s->tables, &s->change);
}

static bool do_rebase(struct stage *s)
{
    tables_rebase(s->tables, &s->change);
    return true;
}

static bool do_reset(struct stage *s)
{
    s->change = 0;
    return true;
}

static bool do_strangers(struct stage *s)
{
    return tables_strangers(s->tables) == s->slot;
}

static const struct {
    const char *name;
    bool (*take)(struct stage *s);
} verbs[] = {
    {"moment", do_moment}, {"read", do_read},           {"good", do_good},
    {"begin", do_begin},   {"commit", do_commit},       {"wrote", do_wrote},
    {"not", do_not},       {"forget", do_forget},       {"move", do_move},
    {"all", do_all},       {"known", do_known},         {"rebase", do_rebase},
    {"reset", do_reset},   {"strangers", do_strangers},
};

/* Returns what the step is to give; true when it does not say. */
static bool read_operands(struct stage *s, struct slice rest)
{
    static const struct {
        const char *letter;
        unsigned table;
    } tables[] = {
        {"A", A}, {"a", A + 64}, {"B", B}, {"Z", NAMES_MAX - 1}, {"?", ANY}};

    while (rest.len > 0) {
        struct slice word = slice_word(&rest);
        int64_t number;
        if (slice_is(word, "no"))
            return false;
        if (text_int64(word, &number))
            s->slot = (unsigned)number;
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
            if (slice_is(word, tables[i].letter))
                s->named = tables[i].table;
    }
    return true;
}

static void take(struct stage *s, struct slice step)
{
    struct slice rest = step;
    struct slice verb = slice_word(&rest);
    bool result = read_operands(s, rest);

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (!slice_is(verb, verbs[i].name))
            continue;
        if (verbs[i].take(s) != result)
            fail_msg("not so: %.*s", (int)step.len, step.ptr);
        return;
    }
    fail_msg("what is \"%.*s\"?", (int)step.len, step.ptr);
}

/* The counter stands at `change` when it begins. */
static void play_from(uint32_t change, const char *story)
{
    void *memory;
    struct segment *segment = crowd_memory(tables_size(), &memory);
    struct stage s = {.tables = memory, .change = change};
    struct slice rest = slice_of(story);

    while (rest.ptr)
        take(&s, slice_trim(slice_cut(&rest, ';')));
    segment_free(segment);
}

static void play(const char *story)
{
    play_from(0, story);
}

/* ---- readers and writers ----*/

static void kept_until_the_next_commit(void **state)
{
    (void)state;
    play("moment; read A yes; good yes; begin 1 B; wrote 1; good yes;"
         "begin 1 A; good no;" /* as soon as it is announced */
         "wrote 1; good no; moment; read A yes; good yes");
}

static void nothing_is_kept_from_under_a_commit(void **state)
{
    (void)state;
    play("moment; begin 1 A; read A no; wrote 1; read A no; read B yes");
    play("begin 1 A; moment; read A no; wrote 1; read A no;"
         "read a no; read B yes");
    play("begin 1 A; moment; not 1; read A no; moment; read A yes");
    play("begin 7 A; wrote 7; begin 512 A; begin 511 B; moment; wrote 512;"
         "read A no; read B no; moment; read A yes; read B no");
}

static void any_table_means_all(void **state)
{
    (void)state;
    play("moment; read A yes; begin 1 ?; good no; read B no;"
         "moment; read B no; wrote 1; read B no; moment; read B yes");
}

static void cleared_by_hand(void **state)
{
    (void)state;
    play("moment; read B yes; move A; good yes; read A no;"
         "moment; read A yes; move A; good no; moment; read A yes;"
         "all; good no; read B no; moment; read Z yes; move Z; good no");
}

static void the_dead_move_everything(void **state)
{
    (void)state;
    play("moment; read B yes; forget 1 no;" /* it never began */
         "begin 1 A; wrote 1; forget 1 no;" /* it had ended */
         "begin 1 A; forget 2 no;"          /* that is another */
         "good yes; moment; read A no; forget 1 yes; good no;"
         "read B no; moment; read A yes;"
         "forget 1 no; begin 1 A; wrote 1"); /* the next in the slot */
}

/* ---- strangers ----*/

/* Zeroed memory knows of no count: the first look begins one. */
#define BEGUN "known no; known yes; strangers 0 yes;"

static void a_strangers_commit_is_noticed_once(void **state)
{
    static const char story[] =
        BEGUN "moment; read A yes; commit; known no; good no; read B no;"
              "known yes; strangers 1 yes;"
              "commit; commit; known no; known yes; strangers 2 yes";

    (void)state;
    play(story);
    play_from(UINT32_MAX - 1, story); /* wraps round */
    play_from(INT32_MAX, story);
}

static void our_own_commits_are_known(void **state)
{
    static const char story[] =
        BEGUN "moment; read B yes; begin 1 A; known yes; commit; known yes;"
              "begin 2 A; commit; known yes;" /* the lock passed on */
              "wrote 2; known yes; wrote 1; known yes;"
              "begin 1 A; not 1; known yes; good yes; strangers 0 yes";

    (void)state;
    play(story);
    play_from(UINT32_MAX, story);
}

static void strangers_among_ours(void **state)
{
    (void)state;
    play(BEGUN
         "begin 1 A; commit; commit; known no; strangers 1 yes;"
         "known yes; wrote 1;"
         "known no; known yes;" /* was ours in the count? It begins anew */
         "strangers 1 yes; commit; known no; strangers 2 yes");
    play(BEGUN "commit; known no;" /* asked with the lock held */
               "begin 1 A; commit; wrote 1; known yes; strangers 1 yes");
    play(BEGUN "commit; begin 1 A; known yes;" /* hidden … */
               "commit; known no");            /* … not for long */
}

static void the_dead_are_not_counted(void **state)
{
    (void)state;
    play(BEGUN "begin 1 A; forget 1 yes; known no; known yes;"
               "strangers 0 yes; commit; known no; strangers 1 yes");
    play(BEGUN "begin 1 A; commit; known yes; forget 1 yes;"
               "known no; known yes; strangers 0 yes; commit; known no");
}

static void a_count_begins_anew(void **state)
{
    (void)state;
    play_from(77, BEGUN "reset; known no; known yes;"
                        "commit; known no; reset; known no; known yes");
    play_from(77, "rebase; known yes; moment; read A yes;"
                  "begin 1 A; commit; rebase; good no;" /* ours on the old */
                  "wrote 1; known no; known yes; strangers 0 yes");
}

static void losses_are_counted(void **state)
{
    void *memory;
    struct segment *s = crowd_memory(tables_size(), &memory);

    (void)state;
    tables_count_loss(memory, A);
    tables_count_loss(memory, A);
    tables_count_loss(memory, NAMES_MAX - 1);
    assert_int_equal(tables_losses(memory, A), 2);
    assert_int_equal(tables_losses(memory, B), 0);
    assert_int_equal(tables_losses(memory, NAMES_MAX - 1), 1);
    segment_free(s);
}

/* ---- deaths ----*/

static int begin_and_die(void *self, unsigned slot)
{
    const unsigned table = A;

    tables_begin(self, slot, &table, 1);
    raise(SIGKILL);
    return 0;
}

static void a_killed_writer_leaves_its_mark(void **state)
{
    static const unsigned slots[] = {
        0, 1, 300, SLOTS_MAX - 1, SLOT_KEEPER, SLOT_MASTER};
    void *memory;
    struct segment *s = crowd_memory(tables_size(), &memory);
    struct moment m;
    uint64_t version;

    (void)state;
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        assert_int_equal(crowd_run(begin_and_die, memory, slots[i]), -SIGKILL);
        tables_moment(memory, &m);
        assert_false(tables_unmoved(memory, &m, A, &version));
        assert_true(tables_unmoved(memory, &m, B, &version));
        assert_true(tables_forget(memory, slots[i]));
        assert_false(tables_unmoved(memory, &m, B, &version));
        tables_moment(memory, &m);
        assert_true(tables_unmoved(memory, &m, A, &version));
    }
    segment_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_until_the_next_commit),
        cmocka_unit_test(nothing_is_kept_from_under_a_commit),
        cmocka_unit_test(any_table_means_all),
        cmocka_unit_test(cleared_by_hand),
        cmocka_unit_test(the_dead_move_everything),
        cmocka_unit_test(a_strangers_commit_is_noticed_once),
        cmocka_unit_test(our_own_commits_are_known),
        cmocka_unit_test(strangers_among_ours),
        cmocka_unit_test(the_dead_are_not_counted),
        cmocka_unit_test(a_count_begins_anew),
        cmocka_unit_test(losses_are_counted),
        cmocka_unit_test(a_killed_writer_leaves_its_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
