#include "crowd.h"

#include <errno.h>
#include <fcntl.h>

#include "common/segment/shm.h"

static const struct segment_want wants[] = {
    {"small", 1},
    {"large", 3000000},
    {"page", 4096},
    {"fifteen letters", 5000},
};
enum { WANTS = sizeof wants / sizeof *wants };

static struct segment *make(void)
{
    struct fault fault;
    struct segment *s = segment_new(wants, WANTS, &fault);

    assert_non_null(s);
    return s;
}

static void fill(char *memory, size_t size, int value)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(memory[i], 0);
    memset(memory, value, size);
}

/* Zeroed, on pages, and none in another's way. */
static void regions_are_apart(void **state)
{
    struct segment *s = make();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size;

    (void)state;
    for (int i = 0; i < WANTS; i++) {
        char *memory = segment_region(s, wants[i].name, &size);
        assert_non_null(memory);
        assert_int_equal(size, wants[i].size);
        assert_int_equal((uintptr_t)memory % page, 0);
        fill(memory, size, i + 1);
    }
    for (int i = 0; i < WANTS; i++) {
        const char *memory = segment_region(s, wants[i].name, &size);
        for (size_t j = 0; j < size; j++)
            assert_int_equal(memory[j], i + 1);
    }
    assert_null(segment_region(s, "smal", &size));
    assert_null(segment_region(s, "", &size));
    segment_free(s);
    segment_free(NULL);
}

static void another_attaches(void **state)
{
    struct segment *s = make();
    struct fault fault;
    size_t size;
    int fd = segment_fd(s);

    (void)state;
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    memcpy(segment_region(s, "page", &size), "written here", 13);
    struct segment *other = segment_attach(fd, &fault);
    assert_non_null(other);
    assert_int_not_equal(segment_fd(other), fd);
    segment_free(s);
    for (int i = 0; i < WANTS; i++) {
        assert_non_null(segment_region(other, wants[i].name, &size));
        assert_int_equal(size, wants[i].size);
    }
    assert_string_equal(segment_region(other, "page", &size), "written here");
    segment_free(other);
}

/* What the file begins with, as segment.c writes it; a change of it must move
 * SEGMENT_LAYOUT, and this test. */
struct entry {
    char name[16];
    uint64_t offset;
    uint64_t size;
};
struct opening {
    char magic[8];
    uint32_t layout;
    uint32_t count;
    uint64_t size;
    struct entry entries[SEGMENT_REGIONS];
};

static void put(int fd, size_t offset, const void *bytes, size_t len)
{
    assert_int_equal(pwrite(fd, bytes, len, (off_t)offset), len);
}

#define ENTRY(n, field)                                                        \
    (offsetof(struct opening, entries) + (n) * sizeof(struct entry) +          \
     offsetof(struct entry, field))

/* One wrong number or text in a good directory each. */
static void forged_ones_are_refused(void **state)
{
    static const struct {
        size_t offset;
        size_t len;
        const char *text;
        uint64_t number;
        const char *reason;
    } cases[] = {
        {offsetof(struct opening, magic), 8, "PRONGSEK", 0, "not a shared"},
        {offsetof(struct opening, layout), 4, NULL, 0, "layout 0, not 3"},
        {offsetof(struct opening, layout), 4, NULL, 4, "layout 4, not 3"},
        {offsetof(struct opening, count), 4, NULL, 25, "25 regions"},
        {offsetof(struct opening, count), 4, NULL, 5, "region 4"},
        {offsetof(struct opening, size), 8, NULL, 4096, "bytes, not 4096"},
        {offsetof(struct opening, size), 8, NULL, UINT64_MAX, "bytes, not 18"},
        {ENTRY(0, offset), 8, NULL, 0, "region 0"}, /* over the directory */
        {ENTRY(1, offset), 8, NULL, 8193, "region 1"},
        {ENTRY(1, offset), 8, NULL, 1 << 30, "region 1"},
        {ENTRY(1, offset), 8, NULL, UINT64_MAX - 4095, "region 1"},
        {ENTRY(2, size), 8, NULL, 1 << 30, "region 2"},
        {ENTRY(2, size), 8, NULL, UINT64_MAX, "region 2"},
        {ENTRY(3, name), 16, "sixteen  letters", 0, "region 3"},
        {ENTRY(3, name), 1, "", 0, "region 3"},
    };
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct segment *s = make();
        int fd = segment_fd(s);
        const void *bytes = cases[i].text ? (const void *)cases[i].text
                                          : (const void *)&cases[i].number;
        put(fd, cases[i].offset, bytes, cases[i].len);
        fault.text[0] = '\0';
        assert_null(segment_attach(fd, &fault));
        if (strstr(fault.text, cases[i].reason) == NULL)
            fail_msg("case %zu: %s", i, fault.text);
        segment_free(s);
    }
}

/* Files that are no segment: of another size, not sealed, empty, closed. */
static void other_files_are_refused(void **state)
{
    struct segment *s = make();
    struct opening opening;
    struct fault fault;
    int pipes[2];

    (void)state;
    assert_int_equal(pread(segment_fd(s), &opening, sizeof opening, 0),
                     sizeof opening);
    size_t size = opening.size;
    const size_t sizes[] = {0,        8,           sizeof opening - 1,
                            size - 1, size + 4096, size / 2};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int fd = shm_create("test", sizes[i]);
        assert_true(fd >= 0);
        if (sizes[i] >= sizeof opening)
            put(fd, 0, &opening, sizeof opening);
        assert_null(segment_attach(fd, &fault));
        close(fd);
    }
    assert_int_equal(pipe(pipes), 0);
    assert_null(segment_attach(pipes[0], &fault));
    close(pipes[0]);
    close(pipes[1]);
    assert_null(segment_attach(-1, &fault));
    segment_free(s);
}

static void sizes_have_an_end(void **state)
{
    static const struct segment_want much[][2] = {
        {{"a", SIZE_MAX}, {"b", 1}},
        {{"a", SIZE_MAX - 5000}, {"b", 1}},
        {{"a", SIZE_MAX / 2 + 1}, {"b", SIZE_MAX / 2 + 1}},
        {{"a", (size_t)INT64_MAX - 5000}, {"b", 1}}, /* mmap refuses */
    };
    struct fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof much / sizeof *much; i++) {
        fault.text[0] = '\0';
        assert_null(segment_new(much[i], 2, &fault));
        assert_string_not_equal(fault.text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_are_apart),
        cmocka_unit_test(another_attaches),
        cmocka_unit_test(forged_ones_are_refused),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(sizes_have_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
