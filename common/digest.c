#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "common/log.h"

#include "common/digest.h"

enum { DIGEST_BYTES = 32 };

/*
 * Fetched once a process: EVP_sha256() and SHA256() look the algorithm up
 * anew at every call, which costs more than hashing a token does.
 */
static struct {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
} the_digest;

static _Noreturn void give_up(const char *what)
{
    log_critical("libcrypto: %s failed", what);
    abort();
}

static void fetch(void)
{
    the_digest.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    the_digest.context = EVP_MD_CTX_new();
    if (!the_digest.sha256 || !the_digest.context)
        give_up("EVP_MD_fetch");
}

void digest_hex(struct slice bytes, char hex[DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[DIGEST_BYTES];

    if (!the_digest.sha256)
        fetch();
    EVP_MD_CTX *context = the_digest.context;
    if (!EVP_DigestInit_ex2(context, the_digest.sha256, NULL) ||
        !EVP_DigestUpdate(context, bytes.ptr, bytes.len) ||
        !EVP_DigestFinal_ex(context, sum, NULL))
        give_up("SHA-256");
    for (size_t i = 0; i < sizeof sum; i++) {
        hex[2 * i] = digits[sum[i] >> 4];
        hex[2 * i + 1] = digits[sum[i] & 15];
    }
}

/* libcrypto counts in int; a piece is a multiple of 3, so that only the last
 * one is padded. */
enum { PIECE = 3 * (1 << 20) };

void digest_base64(struct buf *out, struct slice bytes)
{
    for (size_t at = 0; at < bytes.len; at += PIECE) {
        size_t n = bytes.len - at < PIECE ? bytes.len - at : PIECE;
        /* EVP_EncodeBlock ends its text with a NUL. */
        char *to = buf_reserve(out, (n + 2) / 3 * 4 + 1);
        int made = EVP_EncodeBlock(
            (unsigned char *)to, (const unsigned char *)bytes.ptr + at, (int)n);
        out->len += (size_t)made;
    }
}

/* The six bits a base64 character stands for, or -1. EVP_DecodeBlock is of no
 * use: it trims blanks and takes '=' anywhere. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '/')
        return c == '+' ? 62 : 63;
    return -1;
}

/* Characters before the padding. */
static size_t unpadded(struct slice text)
{
    size_t n = text.len;

    for (int most = 2; most > 0 && n > 0 && text.ptr[n - 1] == '='; most--)
        n--;
    return n;
}

bool digest_unbase64(struct buf *out, struct slice text)
{
    size_t n = unpadded(text);
    size_t before = out->len;
    unsigned bits = 0;

    if (text.len % 4 != 0)
        return false;
    unsigned char *to = (unsigned char *)buf_reserve(out, n / 4 * 3 + 3);
    for (size_t i = 0; i < n; i++) {
        int six = sextet(text.ptr[i]);
        if (six < 0) {
            out->len = before;
            return false;
        }
        bits = (bits << 6 | (unsigned)six) & 0xFFFFFF;
        /* Characters 1, 2 and 3 of each four complete a byte. */
        if (i % 4 != 0) {
            *to++ = (unsigned char)(bits >> (6 - i % 4 * 2));
            out->len++;
        }
    }
    /* Bits left over must be zero, or two texts would mean the same bytes. */
    unsigned spare = n % 4 == 2 ? 0xF : n % 4 == 3 ? 0x3 : 0;
    if (bits & spare) {
        out->len = before;
        return false;
    }
    return true;
}

void digest_random(void *bytes, size_t len)
{
    unsigned char *at = bytes;

    for (size_t n; len > 0; at += n, len -= n) {
        n = len < PIECE ? len : PIECE;
        if (RAND_bytes(at, (int)n) != 1)
            give_up("RAND_bytes");
    }
}
