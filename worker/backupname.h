/*
 * backupname: the name that a client gives to a backup, in the query or in a
 * JSON body: "file". A bare name of a file, never a path.
 */
#ifndef PRONG_BACKUPNAME_H
#define PRONG_BACKUPNAME_H

#include <stdbool.h>

#include "worker/http/request.h"

enum { BACKUPNAME_ROOM = 201 }; /* with the NUL: a suffix still fits 255 */

/* "" when none is given. False with the reason, for the client, when the
 * request says anything else than one good name. */
bool backupname_read(const struct request *req, char out[BACKUPNAME_ROOM],
                     struct fault *why);

#endif
