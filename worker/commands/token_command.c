#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/app.h"
#include "common/segment/heritage.h"
#include "worker/commands/token_actions.h"
#include "worker/db/db.h"
#include "worker/migrate.h"

#include "worker/endpoint/token.h"

static const char usage[] =
    "usage: prong token add APP [--user ID] [--role ROLE] [--name TEXT]\n"
    "                           [--expires 30d] [--database PATH]\n"
    "       prong token list APP [--database PATH]\n"
    "       prong token revoke APP ID [--database PATH]\n"
    "\n"
    "Manages the API tokens of the app in the folder APP. A new token is\n"
    "printed once; the database keeps its SHA-256 only. --role is \"user\"\n"
    "unless said, --expires never; times are 30d, 12h, 90m.\n";

static int misused(const char *reason, const char *what)
{
    fprintf(stderr, "Error: %s%s\n%s", reason, what ? what : "", usage);
    return EXIT_USAGE;
}

static bool read_option(struct token_words *words, int option)
{
    switch (option) {
    case 'd': words->database = optarg; return true;
    case 'u': words->user = optarg; return true;
    case 'r': words->role = optarg; return true;
    case 'n': words->name = optarg; return true;
    case 'e': words->expires = optarg; return true;
    default: return false;
    }
}

/* EXIT_SUCCESS and the command in *words, or EXIT_USAGE after the complaint. */
static int read_words(int argc, char **argv, struct token_words *words)
{
    static const struct option options[] = {
        {"database", required_argument, NULL, 'd'},
        {"user", required_argument, NULL, 'u'},
        {"role", required_argument, NULL, 'r'},
        {"name", required_argument, NULL, 'n'},
        {"expires", required_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0;
    optind = 0; /* the scanner may have been used before (glibc) */
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1 ||
           optind < argc) {
        if (option != -1 && !read_option(words, option))
            return misused("bad option ", argv[optind - 1]);
        if (option != -1)
            continue;
        char *word = argv[optind++];
        if (words->app == NULL)
            words->app = word;
        else if (words->id == NULL)
            words->id = word;
        else
            return misused("one word too many: ", word);
    }
    return EXIT_SUCCESS;
}

static int check_add(const struct token_words *words)
{
    char text[32];
    int64_t number;

    if (words->id)
        return misused("one word too many: ", words->id);
    if (words->user && !text_int64(slice_of(words->user), &number))
        return misused("--user takes a number, not ", words->user);
    if (words->role && !token_is_role(words->role))
        return misused("--role takes a short word, not ", words->role);
    if (words->name && !text_is_utf8(slice_of(words->name)))
        return misused("--name is not UTF-8", NULL);
    if (words->expires && !token_expiry(words->expires, text))
        return misused("--expires takes a time like 30d, not ", words->expires);
    return EXIT_SUCCESS;
}

static int check_others(const struct token_words *words, bool takes_id)
{
    int64_t number;

    if (words->user || words->role || words->name || words->expires)
        return misused("this option belongs to \"token add\"", NULL);
    if (!takes_id && words->id)
        return misused("one word too many: ", words->id);
    if (takes_id && words->id == NULL)
        return misused("the ID is missing", NULL);
    if (takes_id && !text_int64(slice_of(words->id), &number))
        return misused("the ID must be a number, not ", words->id);
    return EXIT_SUCCESS;
}

typedef int action(struct db *db, const struct token_words *words);

static action *find_action(const char *name)
{
    static const struct {
        const char *name;
        action *fn;
    } actions[] = {
        {"add", token_add}, {"list", token_list}, {"revoke", token_revoke}};

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0)
            return actions[i].fn;
    return NULL;
}

static int act(action *fn, const struct token_words *words)
{
    struct fault fault;
    struct app *app = app_load(words->app, &fault);

    if (app == NULL)
        return token_complain(fault.text);
    db_init();
    struct db *db = db_open(words->database ? words->database : app->database,
                            DB_CREATE, &fault);
    int code = db && migrate(db, app, false, &fault)
                   ? fn(db, words)
                   : token_complain(fault.text);
    if (db)
        db_fold(db); /* without a server nobody else would */
    db_close(db);
    app_free(app);
    return code;
}

int token_command(int argc, char **argv)
{
    struct token_words words = {.app = NULL};
    const char *name = argc > 2 ? argv[2] : "";
    action *fn = find_action(name);
    int code;

    if (strcmp(name, "--help") == 0) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (fn == NULL)
        return misused("say add, list or revoke", NULL);
    if ((code = read_words(argc - 2, argv + 2, &words)) != EXIT_SUCCESS)
        return code;
    if (words.app == NULL)
        return misused("the app's folder is missing", NULL);
    code = fn == token_add ? check_add(&words)
                           : check_others(&words, fn == token_revoke);
    return code == EXIT_SUCCESS ? act(fn, &words) : code;
}
