#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <nettle/base64.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "common/log.h"

#include "common/digest.h"

void digest_hex(struct slice bytes, char hex[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    struct sha256_ctx context;
    uint8_t sum[SHA256_DIGEST_SIZE];

    sha256_init(&context);
    sha256_update(&context, bytes.len, (const uint8_t *)bytes.ptr);
    sha256_digest(&context, sizeof sum, sum);
    for (size_t i = 0; i < sizeof sum; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 15];
    }
}

bool digest_same(const char a[DIGEST_HEX], const char b[DIGEST_HEX])
{
    return memeql_sec(a, b, DIGEST_HEX);
}

void digest_base64(struct buf *out, struct slice bytes)
{
    size_t size = BASE64_ENCODE_RAW_LENGTH(bytes.len);

    base64_encode_raw(buf_reserve(out, size), bytes.len,
                      (const uint8_t *)bytes.ptr);
    out->len += size;
}

/* nettle skips blanks, as mail wants it; RFC 4648, 3.3 does not. */
static bool has_blank(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (isspace((unsigned char)text.ptr[i]))
            return true;
    return false;
}

bool digest_unbase64(struct buf *out, struct slice text)
{
    struct base64_decode_ctx context;
    size_t made = 0;

    if (text.len % 4 != 0 || has_blank(text))
        return false;
    base64_decode_init(&context);
    char *to = buf_reserve(out, BASE64_DECODE_LENGTH(text.len));
    if (!base64_decode_update(&context, &made, (uint8_t *)to, text.len,
                              text.ptr) ||
        !base64_decode_final(&context))
        return false;
    out->len += made;
    return true;
}

void digest_random(void *bytes, size_t len)
{
    char *at = bytes;

    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            log_critical("The kernel gives no random bytes: %s",
                         strerror(errno));
            abort();
        }
        at += n;
        len -= (size_t)n;
    }
}
