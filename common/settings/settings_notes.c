#include <assert.h>

#include "common/segment/heritage.h"

#include "common/settings/settings_table.h"

static const struct note commands[] = {
    {"prong token add APP", "Make an API token, print it once and store its "
                            "SHA-256: --user ID, --role ROLE, --name TEXT, "
                            "--expires 30d."},
    {"prong token list APP", "List the tokens, without their secrets."},
    {"prong token revoke APP ID", "Revoke one. Each of these takes --database "
                                  "PATH."},
    {"prong backup APP FILE", "Copy the database into FILE, as of one moment, "
                              "while the server goes on, and check the copy: "
                              "--database PATH, --quiet."},
    {"prong restore APP FILE", "Put a backup into the database's place while "
                               "the server is stopped: --database PATH, "
                               "--quiet. A damaged FILE is refused; the former "
                               "database is kept as "
                               "DATABASE.before-YYYYMMDDTHHMMSSZ."},
    {"prong check APP", "Check the settings, the app and each statement, as "
                        "--check-config does, and say what a reload would "
                        "change in the server that runs on it. Takes the "
                        "server's flags."},
    {"prong ctl APP", "How the server of that app fares; with a word behind "
                      "it: workers, requests (in work), writers, changes (of "
                      "a reload); worker add [N], worker remove [N | PID], "
                      "worker replace PID; reload, reopen, upgrade; kill "
                      "REQUEST_ID, whose statement ends; stop, quit; version, "
                      "help. --json, --no-wait (for the outcome), --any-owner "
                      "(of the server), --database PATH, --control-socket "
                      "PATH."},
    {"prong top APP", "The same live in a terminal, until q; --interval "
                      "SECONDS, --once, --database PATH, --control-socket "
                      "PATH."},
    {0},
};

static const struct note signals[] = {
    {"TERM", "Graceful stop: requests in work are answered, for at most "
             "graceful-timeout."},
    {"INT, QUIT", "Quick stop. QUIT is a graceful one while a second master "
                  "is there."},
    {"HUP", "Read settings and app again; when the first new worker has proved "
            "that it can serve, old ones go one by one. If it cannot, they "
            "stay. A master whose workers are retired starts them again."},
    {"USR1", "Open the log files again, after a rotation."},
    {"USR2", "Start the program anew beside this one, with its sockets and its "
             "memory: an upgrade. The second master's pid file ends in .2; "
             "TERM or QUIT to the first one completes it, HUP to the first "
             "and TERM to the second one take it back."},
    {"TTIN, TTOU", "One worker more, one worker fewer."},
    {"WINCH", "Retire all workers gracefully; the master stays. Ignored when "
              "it runs on a terminal."},
    {0},
};

static const struct note processes[] = {
    {"master", "Starts and watches the others. It answers nobody and opens no "
               "database."},
    {"worker", "Answers requests, on its own connection to the database."},
    {"keeper", "Copies the WAL into the database, runs jobs, makes backups, "
               "samples the system, judges alerts and writes the performance "
               "log. Without it requests are answered as before; the master "
               "starts another."},
    {"/memfd:prong", "Not a process but the memory that they share: cache, "
                     "counters, and what each worker is doing. It outlives "
                     "workers and reloads, and ends with the master."},
    {0},
};

static const struct note endpoints[] = {
    {"/api/health, /live", "200 while the process answers."},
    {"/ready", "200 while the database is usable, otherwise 503."},
    {0},
};

static const struct note operators[] = {
    {"/api/monitoring/metrics", "Figures in JSON: in total, of the last "
                                "minute, by endpoint and by worker; the "
                                "alerts that are raised."},
    {"/api/monitoring/system", "CPU, memory, disk, database and processes, as "
                               "the keeper saw them last."},
    {"/api/monitoring/requests", "Requests in work, and the recent, slow and "
                                 "failed ones; ?list=slow,failed chooses."},
    {"/api/monitoring/requests/ID", "One of them by its X-Request-ID, with "
                                    "its phases and SQL statements."},
    {"/api/monitoring/writers", "Who writes at present, who waits, and which "
                                "endpoints held the others up longest."},
    {"/metrics", "The figures for Prometheus."},
    {"/api/cache/stats", "What the cache holds, and how often it helped."},
    {"/api/cache/clear", "POST: forgets all answers; or those of "
                         "endpoint=NAME, table=NAME or prefix=PATH."},
    {"/api/cache/warmup", "POST: computes what endpoints with @warm answer."},
    {"/api/jobs", "The scheduled jobs: last and next run, time, failures."},
    {"/api/jobs/NAME/run", "POST: runs one now."},
    {"/api/backup", "POST: a backup into backup_dir; {\"file\": NAME} names "
                    "it."},
    {0},
};

static const struct note exits[] = {
    {"0", "Stopped as asked."},
    {"1", "--check-config or a command found a fault, or the server refused "
          "the order; a socket, a log or the pid file cannot be had."},
    {"2", "A flag, a key or a value is wrong; nothing was started."},
    {"3", "No worker can start: the database, a migration, a statement or the "
          "access log is wrong; the log says which. Of ctl and top: no server "
          "is there."},
    {"4", "The app does not load: a file of it cannot be read; file and line "
          "are named."},
    {0},
};
static_assert(EXIT_ASKED == 0 && EXIT_USAGE == 2 && EXIT_BOOT == 3 &&
                  EXIT_NO_APP == 4,
              "the documents name these numbers");

static const struct note environment[] = {
    {"PRONG_CMD_ARGS", "More flags, split into words as a shell does; those "
                       "on the command line outrank them."},
    {"WEB_CONCURRENCY", "Default of workers."},
    {"PORT", "Makes the default of bind 0.0.0.0:$PORT."},
    {"FORWARDED_ALLOW_IPS", "Default of forwarded_allow_ips."},
    {"LISTEN_FDS, LISTEN_FDNAMES", "Sockets that systemd has opened; they take "
                                   "the place of bind. One named admin takes "
                                   "that of admin_bind."},
    {"NOTIFY_SOCKET, WATCHDOG_USEC", "Where and how often systemd is told how "
                                     "the server is."},
    {0},
};

const struct section settings_sections[] = {
    {"Commands", commands},
    {"Signals to the master", signals},
    {"Processes", processes},
    {"Endpoints of every app", endpoints},
    {"With an admin token, or on admin_bind", operators},
    {"Exit status", exits},
    {"Environment", environment},
    {0},
};
