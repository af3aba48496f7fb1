#include "common/loop.h"

#include "worker/http/trace.h"

void trace_mark(struct trace *t, enum phase phase)
{
    t->phase = phase;
    if (t->record)
        atomic_store_explicit(&t->record->phase, phase, memory_order_relaxed);
}

/* The time since the last look belonged to the phase that ends; returns it. */
static uint64_t look(struct trace *t)
{
    uint64_t now = loop_clock_ns();
    uint64_t spent = now > t->phase_ns ? now - t->phase_ns : 0;

    t->phase_ns = now;
    if (t->record)
        t->record->phase_ns[t->phase] += spent;
    return spent;
}

void trace_phase(struct trace *t, enum phase phase)
{
    look(t);
    trace_mark(t, phase);
}

void trace_count(const struct trace *t, enum counter which)
{
    if (t->cell)
        cell_add(t->cell, which, 1);
}

void trace_sql(struct trace *t, unsigned n)
{
    trace_phase(t, PHASE_SQL);
    if (t->record)
        atomic_store_explicit(&t->record->statement, n, memory_order_relaxed);
}

void trace_waited(struct trace *t, uint64_t ns)
{
    t->phase_ns += ns;
    if (t->record)
        t->record->phase_ns[PHASE_TURN] += ns;
}

static void note_statement(struct record *rec, int line, uint64_t ns,
                           uint64_t rows)
{
    if (rec->statement_count == RECORD_STATEMENTS)
        return;
    rec->statements[rec->statement_count++] = (struct record_statement){
        .line = (uint32_t)line,
        .rows = (uint32_t)rows,
        .ns = ns,
    };
}

uint64_t trace_sql_end(struct trace *t, int line, uint64_t rows)
{
    uint64_t ns = look(t);

    t->sql_ns += ns;
    t->queries++;
    t->rows += (uint32_t)rows;
    if (t->cell)
        histogram_add(&t->cell->sql, ns);
    if (t->record)
        note_statement(t->record, line, ns, rows);
    trace_mark(t, PHASE_FINISH);
    return ns;
}
