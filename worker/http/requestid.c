
#include "common/digest.h"
#include "worker/http/requestid.h"

void requestids_init(struct requestids *ids)
{
    digest_random(&ids->next, sizeof ids->next);
}

/* A counter, scrambled by a bijection (the finalizer of MurmurHash3), so that
 * neighbours look different and none comes twice. */
static uint64_t scramble(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccd;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53;
    return x ^ x >> 33;
}

size_t requestid_next(struct requestids *ids, char out[RESPONSE_ID])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t id = scramble(ids->next++);

    for (size_t i = 0; i < 16; i++)
        out[i] = hex[id >> (60 - 4 * i) & 15];
    return 16;
}

bool requestid_valid(struct slice id)
{
    if (id.len == 0 || id.len > RESPONSE_ID)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        bool digit = c >= '0' && c <= '9';
        if (!letter && !digit && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}
