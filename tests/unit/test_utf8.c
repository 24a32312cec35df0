/*
 * base/utf8 and base/fold: what is UTF-8, how it is mended, where it may be cut, and finding text
 * in any case.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <time.h>

#include <cmocka.h>

#include "base/fold.h"
#include "base/utf8.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
  MOST_AROUND = 17
};

struct sequence {
  const char *bytes;
  enum utf8_class class;
};

static const struct sequence sequences[] = {
  /* plain */
  { "~", UTF8_PLAIN },
  { " ", UTF8_PLAIN },
  { "\xC2\xA0", UTF8_PLAIN },         /* U+00A0 */
  { "\xDF\xBF", UTF8_PLAIN },         /* U+07FF */
  { "\xE0\xA0\x80", UTF8_PLAIN },     /* U+0800 */
  { "\xED\x9F\xBF", UTF8_PLAIN },     /* U+D7FF */
  { "\xEE\x80\x80", UTF8_PLAIN },     /* U+E000 */
  { "\xEF\xBF\xBF", UTF8_PLAIN },     /* U+FFFF */
  { "\xF0\x90\x80\x80", UTF8_PLAIN }, /* U+10000 */
  { "\xF3\xBF\xBF\xBF", UTF8_PLAIN }, /* U+FFFFF */
  { "\xF4\x8F\xBF\xBF", UTF8_PLAIN }, /* U+10FFFF */
  /* control characters */
  { "\t", UTF8_LINES },
  { "\n", UTF8_LINES },
  { "\x01", UTF8_CONTROL },
  { "\x08", UTF8_CONTROL },
  { "\x0B", UTF8_CONTROL },
  { "\r", UTF8_CONTROL },
  { "\x1F", UTF8_CONTROL },
  { "\x7F", UTF8_CONTROL },
  { "\xC2\x80", UTF8_CONTROL },
  { "\xC2\x9F", UTF8_CONTROL },
  /* a continuation alone, and bytes that begin nothing */
  { "\x80", UTF8_BAD },
  { "\xBF", UTF8_BAD },
  { "\xF5\x80\x80\x80", UTF8_BAD },
  { "\xF8\x88\x80\x80\x80", UTF8_BAD },
  { "\xFE", UTF8_BAD },
  { "\xFF", UTF8_BAD },
  /* overlong */
  { "\xC0\x80", UTF8_BAD },
  { "\xC1\xBF", UTF8_BAD },
  { "\xE0\x80\x80", UTF8_BAD },
  { "\xE0\x9F\xBF", UTF8_BAD },
  { "\xF0\x80\x80\x80", UTF8_BAD },
  { "\xF0\x8F\xBF\xBF", UTF8_BAD },
  /* surrogates, and above U+10FFFF */
  { "\xED\xA0\x80", UTF8_BAD },
  { "\xED\xBF\xBF", UTF8_BAD },
  { "\xF4\x90\x80\x80", UTF8_BAD },
  /* cut short: by the end of the text, or by the next character */
  { "\xC3", UTF8_BAD },
  { "\xE2\x82", UTF8_BAD },
  { "\xE2", UTF8_BAD },
  { "\xF0\x9F\x98", UTF8_BAD },
  { "\xF0\x9F", UTF8_BAD },
  { "\xF0", UTF8_BAD },
  { "\xC3\xC3\xA9", UTF8_BAD },
  { "\xE2\x82\xC3\xA9", UTF8_BAD },
};

/* `before` letters, a sequence and `after` letters, in memory that ends where the text does, so
 * that a read beyond it is seen. */
static enum utf8_class classify_within(const char *bytes, size_t bytes_length, size_t before,
                                       size_t after)
{
  size_t length = before + bytes_length + after;
  char *text = malloc(length > 0 ? length : 1);
  enum utf8_class class = UTF8_BAD;

  assert_non_null(text);
  memset(text, 'a', length);
  memcpy(text + before, bytes, bytes_length);
  class = utf8_classify(text, length);
  free(text);
  return class;
}

static void each_sequence_is_told_at_every_place_in_a_text(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(sequences); i++)
    for (size_t before = 0; before <= MOST_AROUND; before++)
      for (size_t after = 0; after <= MOST_AROUND; after++) {
        const char *bytes = sequences[i].bytes;

        if (classify_within(bytes, strlen(bytes), before, after) != sequences[i].class)
          fail_msg("sequence %zu with %zu before and %zu after", i, before, after);
      }
}

static void nul_is_a_control_character(void **state)
{
  (void)state;
  for (size_t before = 0; before <= MOST_AROUND; before++)
    for (size_t after = 0; after <= MOST_AROUND; after++)
      assert_int_equal(classify_within("", 1, before, after), UTF8_CONTROL);
}

static void every_single_byte_is_told_among_seven_letters(void **state)
{
  (void)state;
  for (unsigned byte = 0; byte < 256; byte++)
    for (size_t before = 0; before < 8; before++) {
      char one = (char)byte;
      enum utf8_class wanted = byte >= 0x80                 ? UTF8_BAD
                               : byte == 9 || byte == 10    ? UTF8_LINES
                               : byte < 0x20 || byte == 127 ? UTF8_CONTROL
                                                            : UTF8_PLAIN;

      assert_int_equal(classify_within(&one, 1, before, 7 - before), wanted);
    }
}

static void no_text_is_plain(void **state)
{
  (void)state;
  assert_int_equal(utf8_classify("", 0), UTF8_PLAIN);
  assert_int_equal(utf8_classify(NULL, 0), UTF8_PLAIN);
}

static void the_worst_character_decides(void **state)
{
  static const struct sequence cases[] = {
    { "line\nline\tmore", UTF8_LINES },  { "line\n\x01", UTF8_CONTROL },
    { "\x01 line\n", UTF8_CONTROL },     { "\x01 line\n\xFF", UTF8_BAD },
    { "\xC3\xA9t\xC3\xA9", UTF8_PLAIN }, { "\xC3\xA9t\xC3\xA9\n", UTF8_LINES },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    assert_int_equal(utf8_classify(cases[i].bytes, strlen(cases[i].bytes)), cases[i].class);
}

static bool is_control(uint32_t character)
{
  return character < 0x20 || (character >= 0x7F && character <= 0x9F);
}

static void every_character_is_written_read_and_valid(void **state)
{
  (void)state;
  for (uint32_t character = 0; character <= 0x10FFFF; character++) {
    char text[4];
    size_t written = 0;
    size_t read = 0;

    if (character == 0xD800)
      character = 0xE000;
    written = utf8_encode(character, text);
    assert_int_equal(utf8_decode(text, &read), character);
    assert_int_equal(read, written);
    if (!is_control(character))
      assert_int_equal(utf8_classify(text, written), UTF8_PLAIN);
  }
}

static void characters_take_as_many_bytes_as_the_standard_says(void **state)
{
  static const struct {
    uint32_t character;
    const char *bytes;
  } cases[] = {
    { 0x7F, "\x7F" },           { 0x80, "\xC2\x80" },
    { 0x7FF, "\xDF\xBF" },      { 0x800, "\xE0\xA0\x80" },
    { 0xFFFF, "\xEF\xBF\xBF" }, { 0x10000, "\xF0\x90\x80\x80" },
    { 0x20AC, "\xE2\x82\xAC" }, { 0x10FFFF, "\xF4\x8F\xBF\xBF" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char text[4];

    assert_int_equal(utf8_encode(cases[i].character, text), strlen(cases[i].bytes));
    assert_memory_equal(text, cases[i].bytes, strlen(cases[i].bytes));
  }
}

static void a_cut_never_parts_a_character(void **state)
{
  static const char text[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"; /* 1 + 2 + 3 + 4 + 1 */
  static const size_t wanted[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11 };

  (void)state;
  for (size_t limit = 0; limit < COUNT_OF(wanted); limit++)
    assert_int_equal(utf8_cut(text, strlen(text), limit), wanted[limit]);
}

/* ---- repairing ---- */

/* Repairs text in memory that ends where the text does. */
static char *repaired(struct arena *arena, const char *bytes, size_t length, size_t *out_length)
{
  char *text = malloc(length > 0 ? length : 1);
  char *copy = NULL;

  assert_non_null(text);
  memcpy(text, bytes, length);
  copy = utf8_repair(arena, text, length, out_length);
  free(text);
  assert_non_null(copy);
  assert_int_equal(strlen(copy), *out_length);
  assert_true(utf8_classify(copy, *out_length) <= UTF8_LINES);
  return copy;
}

struct repair {
  const char *bytes;
  const char *wanted;
};

#define MARK "\xEF\xBF\xBD" /* U+FFFD */

static const struct repair repairs[] = {
  /* fine as it is */
  { "", "" },
  { "a\tb\nc", "a\tb\nc" },
  { "é中😀" MARK, "é中😀" MARK },
  /* control characters */
  { "a\r\nb", "a \nb" },
  { "\x01\x1F\x7F\x0B", "    " },
  { "\x1B[31mred", " [31mred" },
  { "\xC2\x80\xC2\x9F\xC2\xA0", "  \xC2\xA0" },
  /* bytes that begin nothing */
  { "\x80", MARK },
  { "\x80\xBF", MARK MARK },
  { "\xFE\xFF\xF8\x88", MARK MARK MARK MARK },
  { "caf\xE9 au lait", "caf" MARK " au lait" },
  /* the standard's table 3-8 to 3-11 */
  { "\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", MARK MARK MARK MARK MARK MARK MARK MARK "A" },
  { "\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", MARK MARK MARK MARK MARK MARK MARK MARK "A" },
  { "\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", MARK MARK MARK MARK MARK "A" MARK MARK "B" },
  { "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", MARK MARK MARK MARK "A" },
  /* cut short, by the end and by what comes next */
  { "\xC3", MARK },
  { "\xE2\x82", MARK },
  { "\xF0\x9F\x98", MARK },
  { "\xF0\x9F\x98\xC3\xA9", MARK "é" },
  { "\xC3\xC3\xA9", MARK "é" },
  { "\xE2\x82\n", MARK "\n" },
  { "\xE2\x82\x01", MARK " " },
};

static void what_is_broken_is_replaced_at_every_place_in_a_text(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(repairs); i++)
    for (size_t before = 0; before <= MOST_AROUND; before++)
      for (size_t after = 0; after <= MOST_AROUND; after++) {
        const char *letters = "aaaaaaaaaaaaaaaaaaaaaaaa";
        struct arena arena = { 0 };
        char text[128];
        char wanted[128];
        size_t length = 0;

        snprintf(text, sizeof(text), "%.*s%s%.*s", (int)before, letters, repairs[i].bytes,
                 (int)after, letters);
        snprintf(wanted, sizeof(wanted), "%.*s%s%.*s", (int)before, letters, repairs[i].wanted,
                 (int)after, letters);
        assert_string_equal(repaired(&arena, text, strlen(text), &length), wanted);
        arena_free(&arena);
      }
}

static void nul_becomes_a_space(void **state)
{
  struct arena arena = { 0 };
  size_t length = 0;

  (void)state;
  assert_string_equal(repaired(&arena, "a\0b\0", 4, &length), "a b ");
  assert_int_equal(length, 4);
  arena_free(&arena);
}

static void no_text_is_repaired_to_no_text(void **state)
{
  struct arena arena = { 0 };
  size_t length = 1;

  (void)state;
  assert_string_equal(utf8_repair(&arena, NULL, 0, &length), "");
  assert_int_equal(length, 0);
  arena_free(&arena);
}

static void what_follows_a_repaired_text_leaves_it_alone(void **state)
{
  struct arena arena = { 0 };
  size_t length = 0;
  char *text = repaired(&arena, "\xFFx", 2, &length);
  char *next = arena_alloc(&arena, 1);

  (void)state;
  assert_ptr_equal(next, text + length + 1);
  *next = 'y';
  assert_string_equal(text, MARK "x");
  arena_free(&arena);
}

/* Every two bytes that may begin a text: each that is not part of a character is replaced. */
static void every_pair_of_bytes_is_repaired(void **state)
{
  struct arena arena = { 0 };
  size_t length = 0;

  (void)state;
  for (unsigned pair = 0; pair < 0x10000; pair++) {
    char text[3] = { (char)(pair >> 8), (char)pair, 'a' };

    assert_true(repaired(&arena, text, sizeof(text), &length)[length - 1] == 'a');
  }
  arena_free(&arena);
}

static void a_megabyte_is_repaired_at_once(void **state)
{
  enum { MEGABYTE = 1 << 20 };
  static const char patterns[][4] = { "\xFF\xFF\xFF", "\xF0\x9F\x98", "a\x01\x02", "\xE2\x82\x61" };
  char *text = malloc(MEGABYTE);

  (void)state;
  assert_non_null(text);
  for (size_t i = 0; i < COUNT_OF(patterns); i++) {
    struct arena arena = { 0 };
    size_t length = 0;
    clock_t start = clock();

    for (size_t j = 0; j < MEGABYTE; j++)
      text[j] = patterns[i][j % 3];
    (void)repaired(&arena, text, MEGABYTE, &length);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 2.0);
    arena_free(&arena);
  }
  free(text);
}

static void characters_fold_to_their_simple_folding(void **state)
{
  static const struct {
    uint32_t character;
    uint32_t folded;
  } cases[] = {
    { 'A', 'a' },         { 'Z', 'z' },         { 'a', 'a' },       { '@', '@' },
    { '[', '[' },         { '0', '0' },         { 0xB5, 0x3BC },    { 0xC9, 0xE9 },
    { 0xD7, 0xD7 },       { 0xDF, 0xDF },       { 0x1E9E, 0xDF },   { 0x100, 0x101 },
    { 0x101, 0x101 },     { 0x12F, 0x12F },     { 0x130, 0x130 },   { 0x131, 0x131 },
    { 0x178, 0xFF },      { 0x17F, 's' },       { 0x1C4, 0x1C6 },   { 0x1C5, 0x1C6 },
    { 0x23A, 0x2C65 },    { 0x3A3, 0x3C3 },     { 0x3C2, 0x3C3 },   { 0x3C3, 0x3C3 },
    { 0x38A, 0x3AF },     { 0x41A, 0x43A },     { 0x401, 0x451 },   { 0x4C0, 0x4CF },
    { 0x531, 0x561 },     { 0x556, 0x586 },     { 0x557, 0x557 },   { 0x10A0, 0x2D00 },
    { 0x1C90, 0x10D0 },   { 0x1C80, 0x432 },    { 0x13A0, 0x13A0 }, { 0xAB70, 0x13A0 },
    { 0x13F8, 0x13F0 },   { 0x1F88, 0x1F80 },   { 0x2126, 0x3C9 },  { 0x212A, 'k' },
    { 0x212B, 0xE5 },     { 0x2160, 0x2170 },   { 0x24B6, 0x24D0 }, { 0xA64A, 0xA64B },
    { 0xFF21, 0xFF41 },   { 0xFF3A, 0xFF5A },   { 0xFF3B, 0xFF3B }, { 0x10400, 0x10428 },
    { 0x10427, 0x1044F }, { 0x1E900, 0x1E922 }, { 0x4E2D, 0x4E2D }, { 0x10FFFF, 0x10FFFF },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    assert_int_equal(utf8_fold(cases[i].character), cases[i].folded);
}

static void a_folded_character_folds_to_itself(void **state)
{
  (void)state;
  for (uint32_t character = 0; character <= 0x10FFFF; character++) {
    uint32_t folded = utf8_fold(character);

    assert_int_equal(utf8_fold(folded), folded);
  }
}

/* Unicode 14.0 has 1,454 characters of statuses C and S. */
static void as_many_characters_fold_as_unicode_says(void **state)
{
  size_t count = 0;

  (void)state;
  for (uint32_t character = 0; character <= 0x10FFFF; character++)
    count += utf8_fold(character) != character;
  assert_int_equal(count, 1454);
}

static void the_ranges_ascend_without_overlaps(void **state)
{
  (void)state;
  for (size_t i = 0; i < fold_range_count; i++) {
    const struct fold_range *range = &fold_ranges[i];

    assert_true(range->stride == 1 || range->stride == 2);
    assert_true(range->first <= range->last);
    assert_int_equal((range->last - range->first) % range->stride, 0);
    assert_int_not_equal(range->delta, 0);
    if (i > 0)
      assert_true(range->first > fold_ranges[i - 1].last);
  }
}

static bool contains(const char *text, const char *needle)
{
  return utf8_contains(text, strlen(text), needle, strlen(needle));
}

static void the_same_word_is_found_in_any_case(void **state)
{
  static const char *const pairs[][2] = {
    { "jira cloud", "JIRA CLOUD" },
    { "ÉCOLE", "école" },
    { "ΣΊΣΥΦΟΣ", "σίσυφος" },
    { "КОМАНДА", "команда" },
    { "ԵՐԵՎԱՆ", "երեվան" },
    { "ᲗᲑᲘᲚᲘᲡᲘ", "თბილისი" },
    { "ᏣᎳᎩ", "ꮳꮃꭹ" },
    { "𐐔𐐇𐐝𐐀𐐡𐐇𐐓", "𐐼𐐯𐑅𐐨𐑉𐐯𐐻" },
    { "ＪＩＲＡ", "ｊｉｒａ" },
    { "STRAẞE", "straße" },
    { "\xE2\x84\xAA", "k" }, /* U+212A */
    { "\xC5\xBF", "S" },     /* U+017F */
    { "Ⱥ", "ⱥ" },
    { "中文", "中文" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(pairs); i++)
    if (!contains(pairs[i][0], pairs[i][1]) || !contains(pairs[i][1], pairs[i][0]))
      fail_msg("%s and %s", pairs[i][0], pairs[i][1]);
}

/* The bytes before the last character. */
static size_t all_but_last(const char *text)
{
  return utf8_cut(text, strlen(text), strlen(text) - 1);
}

static void a_part_is_found_wherever_it_stands(void **state)
{
  static const char *const needles[] = { "x", "Xyz", "@[`{", "é", "Éx", "kx", "ЖУК", "𐐀" };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(needles); i++)
    for (size_t before = 0; before <= MOST_AROUND; before++)
      for (size_t after = 0; after <= MOST_AROUND; after++) {
        size_t length = before + strlen(needles[i]) + after;
        char *text = malloc(length);

        assert_non_null(text);
        memset(text, 'a', length);
        memcpy(text + before, needles[i], strlen(needles[i]));
        assert_true(utf8_contains(text, length, needles[i], strlen(needles[i])));
        assert_false(
            utf8_contains(text, before + all_but_last(needles[i]), needles[i], strlen(needles[i])));
        free(text);
      }
}

static void other_text_is_not_found(void **state)
{
  static const char *const pairs[][2] = {
    { "", "a" },
    { "jira", "jirax" },
    { "jira", "ijra" },
    { "aaaaaaaaaaaaaaab", "aab " },
    { "ecole", "école" },
    { "école", "ecole" },
    { "strasse", "straße" },
    { "i", "İ" },
    { "@@@@@@@@", "`" },
    { "[[[[[[[[", "{" },
    { "________", "?" },
    { "КОМАНДА", "командир" },
    { "©©©©", "é" }, /* shares a byte with it */
    { "中文", "文中" },
    { "0123456789", "P" }, /* 0x30 is 0x50 with a bit changed */
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(pairs); i++)
    if (contains(pairs[i][0], pairs[i][1]))
      fail_msg("%s in %s", pairs[i][1], pairs[i][0]);
}

static void a_false_start_does_not_hide_a_match(void **state)
{
  (void)state;
  assert_true(contains("aaab", "AAB"));
  assert_true(contains("ababac", "abac"));
  assert_true(contains("éééa", "ÉÉA"));
  assert_true(contains("jiji jira", "Jira"));
}

/* Stored text may be damaged: the search stays within it, which a sanitizer sees. */
static void text_that_ends_inside_a_character_is_searched_to_its_end(void **state)
{
  static const char whole[] = "a\xF0\x90\x90\x80";

  (void)state;
  for (size_t length = 2; length < strlen(whole); length++) {
    char *text = malloc(length);

    assert_non_null(text);
    memcpy(text, whole, length);
    assert_false(utf8_contains(text, length, "a𐐀", strlen("a𐐀")));
    assert_false(utf8_contains(text, length, "𐐀", strlen("𐐀")));
    assert_false(utf8_contains("a𐐀", strlen("a𐐀"), text, length));
    assert_true(utf8_contains(text, length, "A", 1));
    free(text);
  }
}

static void an_empty_needle_is_in_everything(void **state)
{
  (void)state;
  assert_true(contains("", ""));
  assert_true(contains("text", ""));
  assert_true(utf8_contains(NULL, 0, NULL, 0));
  assert_false(utf8_contains(NULL, 0, "a", 1));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_sequence_is_told_at_every_place_in_a_text),
    cmocka_unit_test(nul_is_a_control_character),
    cmocka_unit_test(every_single_byte_is_told_among_seven_letters),
    cmocka_unit_test(no_text_is_plain),
    cmocka_unit_test(the_worst_character_decides),
    cmocka_unit_test(every_character_is_written_read_and_valid),
    cmocka_unit_test(characters_take_as_many_bytes_as_the_standard_says),
    cmocka_unit_test(a_cut_never_parts_a_character),
    cmocka_unit_test(what_is_broken_is_replaced_at_every_place_in_a_text),
    cmocka_unit_test(nul_becomes_a_space),
    cmocka_unit_test(no_text_is_repaired_to_no_text),
    cmocka_unit_test(what_follows_a_repaired_text_leaves_it_alone),
    cmocka_unit_test(every_pair_of_bytes_is_repaired),
    cmocka_unit_test(a_megabyte_is_repaired_at_once),
    cmocka_unit_test(characters_fold_to_their_simple_folding),
    cmocka_unit_test(a_folded_character_folds_to_itself),
    cmocka_unit_test(as_many_characters_fold_as_unicode_says),
    cmocka_unit_test(the_ranges_ascend_without_overlaps),
    cmocka_unit_test(the_same_word_is_found_in_any_case),
    cmocka_unit_test(a_part_is_found_wherever_it_stands),
    cmocka_unit_test(other_text_is_not_found),
    cmocka_unit_test(a_false_start_does_not_hide_a_match),
    cmocka_unit_test(text_that_ends_inside_a_character_is_searched_to_its_end),
    cmocka_unit_test(an_empty_needle_is_in_everything),
  };

  return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
