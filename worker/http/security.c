#include "worker/http/security.h"

static bool is_on(const struct settings *s)
{
    return slice_is(slice_of(s->security_headers), "on");
}

void security_every(const struct settings *s, bool secure, struct buf *out)
{
    if (!is_on(s))
        return;
    buf_string(out, "X-Content-Type-Options: nosniff\r\n");
    if (secure)
        buf_string(out, "Strict-Transport-Security: max-age=15552000\r\n");
}

void security_page(const struct settings *s, struct buf *out)
{
    struct slice policy = slice_of(s->content_security_policy);

    if (!is_on(s))
        return;
    buf_string(out, "X-Frame-Options: SAMEORIGIN\r\n"
                    "Referrer-Policy: strict-origin-when-cross-origin\r\n");
    if (policy.len == 0)
        return;
    buf_string(out, "Content-Security-Policy: ");
    buf_slice(out, policy);
    buf_string(out, "\r\n");
}
