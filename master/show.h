/*
 * show: what an app declares, for --print-config.
 */
#ifndef PRONG_SHOW_H
#define PRONG_SHOW_H

#include <stdio.h>

#include "common/app/app.h"

/*
 * What app.conf says or leaves to its defaults, then one comment line for each
 * endpoint and job, "# GET /api/chefs/{id} auth public cache 30m
 * (api/chefs.sql:1)", so that behind the settings the whole is still a file of
 * settings.
 */
void show_app(const struct app *app, FILE *to);

#endif
