/*
 * secret/pages: guarded on both sides, locked, and in neither core dumps nor children.
 */
#include "secret_support.h"

#include "secret/pages.h"

static char *pages;
static size_t size;
static bool inherited;

static int setup_pages(void **state)
{
  struct pages_lack lack;

  (void)state;
  size = pages_round(1);
  pages = pages_map(size, &lack);
  inherited = lack.inherited;
  return pages != NULL ? 0 : -1;
}

static int teardown_pages(void **state)
{
  (void)state;
  pages_unmap(pages, size);
  return 0;
}

#define pages_test(name) cmocka_unit_test_setup_teardown(name, setup_pages, teardown_pages)

static void sizes_are_rounded_up_to_whole_pages(void **state)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);

  (void)state;
  assert_int_equal(pages_round(1), page);
  assert_int_equal(pages_round(page), page);
  assert_int_equal(pages_round(page + 1), 2 * page);
  assert_int_equal(pages_round(SIZE_MAX), 0);
}

static void new_pages_are_closed_and_zero(void **state)
{
  (void)state;
  assert_false(readable(pages));
  assert_false(readable(pages + size - 1));
  assert_true(pages_protect(pages, size, PAGES_READABLE));
  for (size_t i = 0; i < size; i++)
    assert_int_equal(pages[i], 0);
}

static void access_is_what_was_last_asked_for(void **state)
{
  (void)state;
  assert_true(pages_protect(pages, size, PAGES_READABLE));
  assert_true(readable(pages));
  assert_false(writable(pages));
  assert_true(pages_protect(pages, size, PAGES_WRITABLE));
  assert_true(writable(pages + size - 1));
  assert_true(pages_protect(pages, size, PAGES_CLOSED));
  assert_false(readable(pages));
  assert_false(writable(pages));
}

static void a_page_on_either_side_stays_closed(void **state)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);

  (void)state;
  assert_true(pages_protect(pages, size, PAGES_WRITABLE));
  assert_false(readable(pages - 1));
  assert_false(readable(pages - page));
  assert_false(readable(pages + size));
  assert_false(readable(pages + size + page - 1));
}

#ifdef __linux__
/* The flags that the kernel tells for the mapping that starts at the pages. */
static void flags_of_pages(char flags[256])
{
  char start[64];
  char line[512];
  bool found = false;
  FILE *maps = fopen("/proc/self/smaps", "r");

  assert_non_null(maps);
  snprintf(start, sizeof(start), "%llx-", (unsigned long long)(uintptr_t)pages);
  flags[0] = '\0';
  while (fgets(line, sizeof(line), maps) != NULL) {
    if (strncmp(line, start, strlen(start)) == 0)
      found = true;
    if (found && strncmp(line, "VmFlags:", 8) == 0) {
      snprintf(flags, 256, "%.255s", line);
      break;
    }
  }
  fclose(maps);
}

static void the_kernel_keeps_them_out_of_core_dumps_and_children(void **state)
{
  char flags[256];

  (void)state;
  flags_of_pages(flags);
  if (flags[0] == '\0') {
    fprintf(stderr, "SKIPPED: this kernel tells no VmFlags\n");
    skip();
  }
  assert_non_null(strstr(flags, " dd"));
  assert_non_null(strstr(flags, " wf"));
}

static void find_zeroes(void *user)
{
  (void)user;
  child_expects(pages_protect(pages, size, PAGES_READABLE));
  for (size_t i = 0; i < size; i++)
    child_expects(pages[i] == 0);
}

static void a_child_finds_zeroes(void **state)
{
  (void)state;
  assert_false(inherited);
  assert_true(pages_protect(pages, size, PAGES_WRITABLE));
  memset(pages, 'x', size);
  in_child(find_zeroes, NULL);
  assert_int_equal(pages[0], 'x');
}
#endif

static void what_can_not_be_mapped_is_null(void **state)
{
  struct pages_lack lack;

  (void)state;
  assert_null(pages_map(SIZE_MAX / 2 / 4096 * 4096, &lack));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(sizes_are_rounded_up_to_whole_pages),
    pages_test(new_pages_are_closed_and_zero),
    pages_test(access_is_what_was_last_asked_for),
    pages_test(a_page_on_either_side_stays_closed),
#ifdef __linux__
    pages_test(the_kernel_keeps_them_out_of_core_dumps_and_children),
    pages_test(a_child_finds_zeroes),
#endif
    cmocka_unit_test(what_can_not_be_mapped_is_null),
  };

  return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
