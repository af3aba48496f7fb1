#include "worker/endpoint/bearer.h"

struct slice bearer_of(const struct request *req)
{
    struct slice rest = request_header(req, "authorization");
    struct slice scheme = slice_word(&rest);

    if (rest.len > 0 && slice_is_nocase(scheme, "bearer"))
        return rest;
    return (struct slice){NULL, 0};
}
