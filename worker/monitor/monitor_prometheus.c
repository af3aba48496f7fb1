#include "common/segment/board.h"
#include "common/segment/cache.h"
#include "common/segment/crowd.h"
#include "common/segment/tables.h"

#include "worker/monitor/monitor_scrape.h"

/* A family of one sample without labels. */
static void single(struct scrape *g, const char *name, const char *type,
                   const char *help, uint64_t value)
{
    promtext_family(&g->p, name, type, help);
    promtext_int(&g->p, NULL, 0, value);
}

/* ---- of the server -------------------------------------------------------*/

static void add_counters(struct scrape *g)
{
    static const struct {
        const char *name;
        const char *help;
        enum counter counter;
    } counters[] = {
        {"prong_request_bytes_total", "Bytes of requests.", COUNT_BYTES_IN},
        {"prong_response_bytes_total", "Bytes of the bodies of answers.",
         COUNT_BYTES_OUT},
        {"prong_sql_rows_total", "Rows that SQL gave.", COUNT_ROWS},
        {"prong_not_modified_total", "Answers 304.", COUNT_NOT_MODIFIED},
        {"prong_compressed_total", "Answers compressed, not found compressed.",
         COUNT_COMPRESSED},
        {"prong_cache_stored_total", "Answers kept.", COUNT_STORED},
        {"prong_wrong_tokens_total", "Tokens shown that open nothing.",
         COUNT_WRONG_TOKENS},
    };

    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        single(g, counters[i].name, "counter", counters[i].help,
               g->tallies.all.counters[counters[i].counter]);
    promtext_family(&g->p, "prong_errors_total", "counter",
                    "Requests that failed, by kind of failure.");
    for (unsigned c = COUNT_ERROR_DEADLINE; c <= COUNT_ERROR_OTHER; c++) {
        const struct label kind = {"kind", counter_error_name(c)};
        promtext_int(&g->p, &kind, 1, g->tallies.all.counters[c]);
    }
}

static void add_refusals(struct scrape *g)
{
    static const char *const why[CROWD_REFUSALS] = {
        [CROWD_ADDRESS] = "address", [CROWD_ALL] = "all"};

    promtext_family(&g->p, "prong_refused_total", "counter",
                    "Requests refused, by the limit that they exceeded.");
    for (unsigned c = COUNT_REFUSED_RATE; c <= COUNT_REFUSED_WRITES; c++) {
        const struct label limit = {"limit", counter_refusal_name(c)};
        promtext_int(&g->p, &limit, 1, g->tallies.all.counters[c]);
    }
    promtext_family(&g->p, "prong_connections_refused_total", "counter",
                    "Connections refused, by the limit that they exceeded.");
    for (unsigned i = 0; i < CROWD_REFUSALS; i++) {
        const struct label limit = {"limit", why[i]};
        promtext_int(&g->p, &limit, 1, crowd_refused(g->m->shared->crowd, i));
    }
    single(g, "prong_connections_unread_total", "counter",
           "Connections ended because too many answers waited to be read.",
           crowd_ended_unread(g->m->shared->crowd));
    single(g, "prong_unsent_bytes", "gauge",
           "Bytes of answers held for clients who do not take them.",
           crowd_unsent(g->m->shared->crowd));
}

static void on_table(void *self, const char *name, unsigned number)
{
    struct scrape *g = self;
    const struct label table = {"table", name};

    promtext_int(&g->p, &table, 1, tables_losses(g->m->shared->tables, number));
}

static void add_cache(struct scrape *g)
{
    struct cache_stats s;

    promtext_family(&g->p, "prong_cache_invalidations_total", "counter",
                    "Kept answers found outdated, by the table that changed.");
    if (g->m->db)
        db_each_table(g->m->db, on_table, g);
    if (g->m->shared->cache == NULL)
        return;
    cache_stats(g->m->shared->cache, &s);
    single(g, "prong_cache_entries", "gauge", "Answers kept.", s.entries);
    single(g, "prong_cache_bytes", "gauge", "Bytes they take.", s.bytes);
    single(g, "prong_cache_size_bytes", "gauge", "Bytes there are.", s.size);
    single(g, "prong_cache_evictions_total", "counter",
           "Answers that had to go for others.", s.evictions);
    single(g, "prong_cache_refused_total", "counter",
           "Answers not kept: too large, or others were writing.", s.refused);
    single(g, "prong_cache_recovered_total", "counter",
           "Shards emptied after the death of a writer.", s.recovered);
}

static void add_alerts(struct scrape *g)
{
    struct alert a;

    promtext_family(&g->p, "prong_alert", "gauge", "1 while it is raised.");
    for (unsigned kind = 0; kind < ALERTS; kind++) {
        const struct label alert = {"alert", alert_name(kind)};
        bool known = board_alert(g->m->shared->board, kind, &a);
        promtext_int(&g->p, &alert, 1, known && a.active);
    }
}

static void add_wal(struct scrape *g)
{
    struct board_wal w;

    board_wal(g->m->shared->board, &w);
    single(g, "prong_wal_frames", "gauge",
           "Pages in the write-ahead log, copied or not.", w.frames);
    single(g, "prong_checkpoints_total", "counter",
           "Checkpoints of the write-ahead log.", w.checkpoints);
    promtext_family(&g->p, "prong_checkpoint_seconds_total", "counter",
                    "Time spent in them.");
    promtext_real(&g->p, NULL, 0, (double)w.sum_ns / 1e9);
}

static void add_database(struct scrape *g)
{
    struct board_system s;

    if (!board_system(g->m->shared->board, &s))
        return;
    single(g, "prong_database_bytes", "gauge", "The database file.",
           s.database_bytes);
    single(g, "prong_wal_bytes", "gauge", "Its write-ahead log.", s.wal_bytes);
}

static void add_connections(struct scrape *g)
{
    const struct slot *slots = g->m->shared->slots;
    struct record present;
    uint64_t active = 0;
    uint64_t accepted = 0;

    for (unsigned i = 0; i < SLOTS_MAX; i++) {
        accepted += atomic_load(&slots[i].accepted);
        if (monitor_pid(g->m, i))
            active += monitor_present(g->m, i, &present);
    }
    single(g, "http_server_active_requests", "gauge",
           "Workers that are at a request.", active);
    single(g, "prong_connections", "gauge", "Open connections.",
           g->crew.connections);
    single(g, "prong_connections_accepted_total", "counter",
           "Connections taken.", accepted);
    single(g, "prong_listen_backlog", "gauge",
           "Connections that wait to be taken.", g->crew.backlog);
}

static void add_identity(struct scrape *g)
{
    const struct label version = {"version", PRONG_VERSION};

    promtext_family(&g->p, "prong_build_info", "gauge", "Always 1.");
    promtext_int(&g->p, &version, 1, 1);
    promtext_family(&g->p, "process_start_time_seconds", "gauge",
                    "When the server came to life, Unix time.");
    promtext_real(&g->p, NULL, 0, (double)monitor_born_ms(g->m) / 1e3);
}

/* ---- the page ------------------------------------------------------------*/

void monitor_prometheus(const struct monitor *m, struct call *call)
{
    struct scrape g = {.p = {.out = &call->res->body}, .m = m};

    call->res->status = 200;
    call->res->type = "text/plain; version=0.0.4; charset=utf-8";
    response_header(call->res, "Cache-Control", SLICE("no-store"));
    tallies_take(&g.tallies, m);
    monitor_crew(m, &g.crew);
    add_identity(&g);
    scrape_routes(&g);
    add_counters(&g);
    add_refusals(&g);
    add_cache(&g);
    add_connections(&g);
    scrape_slots(&g);
    add_alerts(&g);
    add_database(&g);
    add_wal(&g);
    scrape_writes(&g);
    scrape_jobs(&g);
    tallies_free(&g.tallies);
}
