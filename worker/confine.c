#include "common/app/app.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/sandbox/sandbox.h"

#include "worker/confine.h"

/* Landlock knows no exceptions from what it allows. */
static void warn_of(const struct heritage *h, const char *path,
                    const char *what, const char *flag)
{
    if (sandbox_covers(path, h->app->dir))
        log_warning(
            "Sandbox: %s lies in the app's folder, so workers may write "
            "the app too; keep it in a folder of its own (%s)",
            what, flag);
}

static void warn_of_writable_app(const struct heritage *h)
{
    const struct settings *settings = h->settings;

    warn_of(h, heritage_database(h), "the database", "--database");
    warn_of(h, settings->errorlog, "the error log", "--error-logfile");
    warn_of(h, settings->accesslog, "the access log", "--access-logfile");
}

void confine_worker(const struct heritage *h, bool first)
{
    const struct settings *settings = h->settings;
    struct sandbox s;
    struct buf said = {0};

    if (settings->no_sandbox)
        return;
    if (first)
        warn_of_writable_app(h);
    sandbox_begin(&s, settings);
    sandbox_allow_file(&s, heritage_database(h), LANDLOCK_DATA);
    sandbox_allow_file(&s, settings->accesslog, LANDLOCK_APPEND);
    sandbox_allow(&s, h->app->web, LANDLOCK_READ);
    sandbox_enter(&s, settings, SYSCALLS_SERVE, &said);
    log_write(first ? LOG_INFO : LOG_DEBUG, "%s", buf_text(&said));
    buf_free(&said);
}
