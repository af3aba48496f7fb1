#include "common/app.h"
#include "common/buf.h"
#include "common/log.h"
#include "common/sandbox.h"

#include "worker/confine.h"

void confine_worker(const struct heritage *h, bool first)
{
    const struct settings *settings = h->settings;
    struct sandbox s;
    struct buf said = {0};

    if (settings->no_sandbox)
        return;
    sandbox_begin(&s, settings);
    sandbox_allow_file(&s, heritage_database(h), LANDLOCK_DATA);
    sandbox_allow_file(&s, settings->accesslog, LANDLOCK_APPEND);
    sandbox_allow(&s, h->app->web, LANDLOCK_READ);
    sandbox_enter(&s, settings, SYSCALLS_SERVE, &said);
    log_write(first ? LOG_INFO : LOG_DEBUG, "%s", buf_text(&said));
    buf_free(&said);
}
