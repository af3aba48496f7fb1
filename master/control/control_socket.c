#include "master/control/control_socket.h"

const char *control_socket_path(struct arena *arena, const char *said,
                                const char *database)
{
    return said ? said : arena_format(arena, "%s.ctl", database);
}
