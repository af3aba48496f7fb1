#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/http/accept.h"

static const struct {
    const char *accept;
    enum form form;
} cases[] = {
    {"", FORM_JSON},
    {"*/*", FORM_JSON},
    {"application/json", FORM_JSON},
    {"text/csv", FORM_CSV},
    {"Text/CSV", FORM_CSV},
    {"text/*", FORM_CSV},
    {"application/x-ndjson", FORM_NDJSON},
    {"application/*", FORM_JSON},
    {"text/csv, application/json", FORM_JSON}, /* a tie */
    {"text/csv, application/json;q=0.9", FORM_CSV},
    {"*/*;q=0.1, text/csv;q=0.2", FORM_CSV},
    {"*/*, text/csv;q=0.9", FORM_JSON},
    {"text/csv;q=0, */*", FORM_JSON},
    {"application/json;q=0, */*;q=0.5", FORM_CSV},
    {"application/json;q=0, text/csv;q=0, */*", FORM_NDJSON},
    {"text/csv;q=0.001", FORM_CSV},
    {"text/csv ; charset=utf-8 ; Q=0.5 , application/json;q=0.4", FORM_CSV},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
     FORM_JSON},
    {"text/html", FORM_JSON}, /* nothing fits */
    {"text/csv;q=0", FORM_JSON},
    {"text/csv;q=2, application/json;q=0.1", FORM_JSON},
    {"text/csv;q=-1", FORM_JSON},
    {"text/csv;q=", FORM_JSON},
    {"text/csv;q=x, application/x-ndjson", FORM_NDJSON},
    {"text/csvx", FORM_JSON},
    {"text", FORM_JSON},
    {"/", FORM_JSON},
    {"*", FORM_JSON},
    {",,;,=,", FORM_JSON},
    {"text/csv,", FORM_CSV},
};

static void chooses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (accept_form(slice_of(cases[i].accept)) != cases[i].form)
            fail_msg("%s", cases[i].accept);
    assert_int_equal(accept_form((struct slice){NULL, 0}), FORM_JSON);
}

static void names_types(void **state)
{
    (void)state;
    assert_string_equal(form_type(FORM_JSON), "application/json");
    assert_string_equal(form_type(FORM_CSV), "text/csv; charset=utf-8");
    assert_string_equal(form_type(FORM_NDJSON), "application/x-ndjson");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chooses),
        cmocka_unit_test(names_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
