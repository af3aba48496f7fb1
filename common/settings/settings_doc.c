#include <ctype.h>
#include <string.h>

#include "common/settings/settings_table.h"

enum {
    WIDTH = 79,       /* columns that a line may fill */
    HELP_COLUMN = 26, /* where explanations begin in the help */
};

static const char summary[] =
    "Serves the folder APP: each annotated SQL file in it becomes a JSON API "
    "over SQLite, cached and observable. One master process keeps N workers on "
    "one listening socket; flags, settings and signals are Gunicorn's.";

static const char precedence[] =
    "A setting is taken from, low to high: its default, the environment, the "
    "file (--config), PRONG_CMD_ARGS, the command line. A list that is named "
    "again replaces the lower one.";

/* ---- what all documents say of a setting -------------------------------- */

/* Rows of a group stand together. */
static bool opens_group(size_t i)
{
    return i == 0 || setting_at(i - 1)->group != setting_at(i)->group;
}

/* "default $WEB_CONCURRENCY or 1" */
static void add_default(const struct setting *row, struct buf *out)
{
    buf_string(out, "default ");
    if (row->env)
        buf_format(out, "%s$%s or ", row->env_prefix ? row->env_prefix : "",
                   row->env);
    buf_string(out, row->fallback);
}

/* "Worker processes. (1 to 256, or auto; default 1)" */
static void add_explanation(const struct setting *row, struct buf *out)
{
    bool ranged = row->max != 0 || row->choices != NULL;

    buf_string(out, row->help);
    if (!ranged && !row->fallback)
        return;
    buf_string(out, " (");
    if (ranged)
        setting_demand(row, out);
    if (ranged && row->fallback)
        buf_string(out, "; ");
    if (row->fallback)
        add_default(row, out);
    buf_byte(out, ')');
}

/* "-w, --workers N", or "APP" for the one that has no flag. */
static void add_usage(const struct setting *row, struct buf *out)
{
    if (row->letter)
        buf_format(out, "-%c, ", row->letter);
    if (row->flag)
        buf_format(out, "--%s", row->flag);
    if (row->alias)
        buf_format(out, ", --%s", row->alias);
    if (row->flag && row->value)
        buf_byte(out, ' ');
    if (row->value)
        buf_string(out, row->value);
}

/* ---- plain text --------------------------------------------------------- */

/* Fills lines with the words of `text`. The pen stands in column `at`; each
 * new line begins with `margin`. */
static void flow(FILE *to, size_t at, const char *margin, const char *text)
{
    struct slice rest = slice_of(text);
    size_t indent = strlen(margin);
    bool first = true;

    while (rest.len > 0) {
        struct slice word = slice_word(&rest);
        if (!first && at + 1 + word.len > WIDTH) {
            fprintf(to, "\n%s", margin);
            at = indent;
        } else if (!first) {
            fputc(' ', to);
            at++;
        }
        fwrite(word.ptr, 1, word.len, to);
        at += word.len;
        first = false;
    }
    fputc('\n', to);
}

/* "  name          explanation" with the second column wrapped. */
static void two_columns(FILE *to, const char *name, const char *text)
{
    char margin[HELP_COLUMN + 1];
    bool narrow = strlen(name) + 4 <= HELP_COLUMN;

    memset(margin, ' ', HELP_COLUMN);
    margin[HELP_COLUMN] = '\0';
    if (narrow)
        fprintf(to, "  %-*s", HELP_COLUMN - 2, name);
    else
        fprintf(to, "  %s\n%s", name, margin);
    flow(to, HELP_COLUMN, margin, text);
}

static void help_setting(FILE *to, const struct setting *row)
{
    struct buf usage = {0};
    struct buf text = {0};

    add_usage(row, &usage);
    add_explanation(row, &text);
    two_columns(to, buf_text(&usage), buf_text(&text));
    buf_free(&usage);
    buf_free(&text);
}

void settings_help(FILE *to)
{
    fputs("usage: prong [options] APP\n"
          "       prong token add|list|revoke APP\n"
          "       prong backup|restore APP FILE\n"
          "       prong check [options] APP\n"
          "       prong ctl APP [COMMAND]\n"
          "       prong top APP\n\n",
          to);
    flow(to, 0, "", summary);
    fputc('\n', to);
    flow(to, 0, "", precedence);
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (opens_group(i))
            fprintf(to, "\n%s:\n", setting_groups[row->group]);
        if (row->help)
            help_setting(to, row);
    }
    for (const struct section *section = settings_sections; section->title;
         section++) {
        fprintf(to, "\n%s:\n", section->title);
        for (const struct note *n = section->notes; n->name; n++)
            two_columns(to, n->name, n->text);
    }
}

/* ---- roff --------------------------------------------------------------- */

/* Text that roff shall print as it is: a backslash and the ASCII forms of
 * '-' and '\'' have names, and a line must not begin like a request. */
static void roff_text(FILE *to, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", to);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", to);
        else if (*text == '-')
            fputs("\\-", to);
        else if (*text == '\'')
            fputs("\\(aq", to);
        else
            fputc(*text, to);
    }
}

static void roff_line(FILE *to, const char *before, const char *text,
                      const char *after)
{
    fputs(before, to);
    roff_text(to, text);
    fputs(after, to);
}

static void roff_title(FILE *to, const char *title)
{
    fputs(".SH ", to);
    for (; *title != '\0'; title++)
        fputc(toupper((unsigned char)*title), to);
    fputc('\n', to);
}

static void man_setting(FILE *to, const struct setting *row)
{
    struct buf usage = {0};
    struct buf text = {0};

    add_usage(row, &usage);
    add_explanation(row, &text);
    roff_line(to, ".TP\n\\fB", buf_text(&usage), "\\fR\n");
    roff_line(to, "", buf_text(&text), "\n");
    if (row->key)
        roff_line(to, "In the file: \\fB", row->key, "\\fR.\n");
    buf_free(&usage);
    buf_free(&text);
}

static void man_options(FILE *to)
{
    roff_title(to, "Options");
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (opens_group(i))
            fprintf(to, ".SS %s\n", setting_groups[row->group]);
        if (row->help)
            man_setting(to, row);
    }
}

static void man_section(FILE *to, const struct section *section)
{
    roff_title(to, section->title);
    for (const struct note *n = section->notes; n->name; n++) {
        roff_line(to, ".TP\n\\fB", n->name, "\\fR\n");
        roff_line(to, "", n->text, "\n");
    }
}

void settings_man(FILE *to)
{
    fputs(
        ".TH PRONG 8 \"\" \"prong " PRONG_VERSION "\" \"System manual\"\n"
        ".SH NAME\n"
        "prong \\- serve a folder of SQL files as a JSON API over SQLite\n"
        ".SH SYNOPSIS\n"
        "\\fBprong\\fR [\\fIoptions\\fR] \\fIAPP\\fR\n.br\n"
        "\\fBprong token add\\fR|\\fBlist\\fR|\\fBrevoke\\fR \\fIAPP\\fR\n.br\n"
        "\\fBprong backup\\fR|\\fBrestore\\fR \\fIAPP\\fR "
        "\\fIFILE\\fR\n.br\n"
        "\\fBprong check\\fR [\\fIoptions\\fR] \\fIAPP\\fR\n.br\n"
        "\\fBprong ctl\\fR \\fIAPP\\fR [\\fICOMMAND\\fR]\n.br\n"
        "\\fBprong top\\fR \\fIAPP\\fR\n"
        ".SH DESCRIPTION\n",
        to);
    roff_line(to, "", summary, "\n.PP\n");
    roff_line(to, "", precedence, "\n");
    man_options(to);
    for (const struct section *section = settings_sections; section->title;
         section++)
        man_section(to, section);
    fputs(".SH FILES\n"
          ".TP\n\\fB./prong.conf\\fR\n"
          "Settings, one \"key = value\" a line; lines that begin with # are\n"
          "comments. Read when no other file is named.\n"
          ".TP\n\\fIAPP\\fB/app.conf\\fR\n"
          "Of the app: its name, database, limits and thresholds of alerts.\n"
          ".TP\n\\fIdatabase\\fB\\-wal\\fR, \\fIdatabase\\fB\\-shm\\fR\n"
          "Belong to the database while the server runs: never move, copy or\n"
          "delete one of the three alone.\n"
          ".TP\n\\fIdatabase\\fB.ctl\\fR\n"
          "The socket of \\fBprong ctl\\fR and \\fBprong top\\fR, while the "
          "server runs.\n"
          ".SH EXAMPLES\n.nf\n"
          "prong \\-w 4 \\-b 127.0.0.1:8000 etc/hello\n"
          "prong token add etc/hello \\-\\-role admin\n"
          "prong \\-\\-check\\-config etc/hello\n"
          ".fi\n",
          to);
}

/* ---- files -------------------------------------------------------------- */

/* Prose is "# text" and a setting "#key = value", so that removing one sign
 * from a setting's line is all there is to do. */
static void example_setting(FILE *to, const struct setting *row)
{
    struct buf text = {0};
    const char *unset = row->type == SETTING_BOOL ? "false" : "";
    const char *value = row->fallback ? row->fallback : unset;

    add_explanation(row, &text);
    fputs("\n# ", to);
    flow(to, 2, "# ", buf_text(&text));
    fprintf(to, *value ? "#%s = %s\n" : "#%s =%s\n", row->key, value);
    buf_free(&text);
}

void settings_example(FILE *to)
{
    fputs("# prong.conf: settings of prong, each here at its default.\n#\n# ",
          to);
    flow(to, 2, "# ", precedence);
    fputs("# ", to);
    flow(to, 2, "# ",
         "A value is the rest of its line, without quotes. An empty value "
         "unsets a text. bind and raw_env may be repeated.");
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *row = setting_at(i);
        if (opens_group(i) && row->group != GROUP_ACTS)
            fprintf(to, "\n# ---- %s ----\n", setting_groups[row->group]);
        if (row->key)
            example_setting(to, row);
    }
}

void settings_print(const struct settings *s, FILE *to)
{
    fputs("# prong --print-config; can be read again with -c\n", to);
    for (size_t i = 0; i < settings_count(); i++)
        if (setting_at(i)->key)
            setting_print(s, setting_at(i), to);
}
