#include "common/subject.h"

enum { CUSTOMER_BYTES = 8 }; /* of an IPv6 address */

struct slice subject_of(const char *address, struct ip *room)
{
    if (!ip_parse(slice_of(address), room))
        return (struct slice){NULL, 0};
    return (struct slice){(const char *)room->bytes,
                          ip_is_v4(room) ? sizeof room->bytes : CUSTOMER_BYTES};
}
