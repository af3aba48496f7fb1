#include <string.h>
#include <sys/socket.h>

#include "common/unixpath.h"

bool unixpath_address(struct slice path, struct sockaddr_un *out)
{
    if (path.len == 0 || path.len > UNIXPATH_MAX)
        return false;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, path.ptr, path.len);
    return true;
}
