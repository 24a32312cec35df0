/*
 * UTF-8 read and written by hand: checking, mending, cutting, and searching without case. Which
 * characters fold to which is in fold.c.
 */
#include "base/utf8.h"

#include "base/fold.h"

#include <string.h>

enum {
  WORD = sizeof(uint64_t),
  REPLACEMENT = 0xFFFD,   /* U+FFFD: what is no character */
  REPLACEMENT_LENGTH = 3, /* its bytes */
  LAST_CHARACTER = 0x10FFFF
};

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

static uint64_t load_word(const char *text)
{
  uint64_t word = 0;

  memcpy(&word, text, WORD);
  return word;
}

/* Whether all eight bytes are ASCII and none is a control character. A carry into the next byte
 * does no harm: only a byte above 0x7F makes one, and it fails by itself. */
static bool is_plain_word(uint64_t word)
{
  uint64_t at_least_space = word + EACH_BYTE(0x80 - 0x20);
  uint64_t at_least_delete = word + EACH_BYTE(0x80 - 0x7F);

  return (at_least_space & ~at_least_delete & EACH_BYTE(0x80)) == EACH_BYTE(0x80);
}

/* How many bytes a character takes by its first one, which is not ASCII. */
static size_t sequence_length(unsigned char first)
{
  return first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
}

/* Reads a character of several bytes, and tells how many; 0 where it is not UTF-8. */
static size_t read_sequence(const unsigned char *text, size_t left, uint32_t *character)
{
  static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  size_t bytes = sequence_length(text[0]);
  uint32_t value = text[0] & (0x7Fu >> bytes);

  if (text[0] < 0xC2 || text[0] > 0xF4 || left < bytes)
    return 0;
  for (size_t i = 1; i < bytes; i++) {
    if ((text[i] & 0xC0) != 0x80)
      return 0;
    value = value << 6 | (text[i] & 0x3F);
  }
  if (value < least[bytes] || value > LAST_CHARACTER || (value >= 0xD800 && value <= 0xDFFF))
    return 0;
  *character = value;
  return bytes;
}

static enum utf8_class classify_character(uint32_t character)
{
  if (character == '\t' || character == '\n')
    return UTF8_LINES;
  if (character < 0x20 || (character >= 0x7F && character <= 0x9F))
    return UTF8_CONTROL;
  return UTF8_PLAIN;
}

/* Reads the characters that begin before `stop`, and moves `at` behind them. */
static enum utf8_class classify_until(const char *text, size_t length, size_t stop, size_t *at)
{
  enum utf8_class found = UTF8_PLAIN;

  while (*at < stop) {
    uint32_t character = (unsigned char)text[*at];
    size_t bytes = 1;
    enum utf8_class class = UTF8_PLAIN;

    if (character >= 0x80)
      bytes = read_sequence((const unsigned char *)text + *at, length - *at, &character);
    if (bytes == 0)
      return UTF8_BAD;
    class = classify_character(character);
    if (class > found)
      found = class;
    *at += bytes;
  }
  return found;
}

enum utf8_class utf8_classify(const char *text, size_t length)
{
  enum utf8_class found = UTF8_PLAIN;
  size_t at = 0;

  while (at < length && found != UTF8_BAD) {
    enum utf8_class class = UTF8_PLAIN;

    while (length - at >= WORD && is_plain_word(load_word(text + at)))
      at += WORD;
    class = classify_until(text, length, length - at > WORD ? at + WORD : length, &at);
    if (class > found)
      found = class;
  }
  return found;
}

/* How many bytes that are not UTF-8 become one U+FFFD: as many as begin some character, or one. The
 * first byte bounds the second, so that nothing overlong, no surrogate and nothing above U+10FFFF
 * is begun. */
static size_t broken_length(const unsigned char *text, size_t left)
{
  unsigned char first = text[0];
  unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  size_t bytes = 2;

  if (first < 0xC2 || first > 0xF4 || left < bytes || text[1] < low || text[1] > high)
    return 1;
  while (bytes < left && bytes < sequence_length(first) && (text[bytes] & 0xC0) == 0x80)
    bytes++;
  return bytes;
}

/* Copies or replaces what stands at `text`: how many bytes of it were read. `out` moves on. */
static size_t repair_character(const char *text, size_t left, char **out)
{
  const unsigned char *at = (const unsigned char *)text;
  uint32_t character = at[0];
  size_t bytes = character < 0x80 ? 1 : read_sequence(at, left, &character);

  if (bytes == 0) {
    bytes = broken_length(at, left);
    character = REPLACEMENT;
  } else if (classify_character(character) == UTF8_CONTROL) {
    character = ' ';
  }
  *out += utf8_encode(character, *out);
  return bytes;
}

static char *repair_into(char *out, const char *text, size_t length)
{
  size_t at = 0;

  while (at < length) {
    if (length - at >= WORD && is_plain_word(load_word(text + at))) {
      memcpy(out, text + at, WORD);
      out += WORD;
      at += WORD;
      continue;
    }
    at += repair_character(text + at, length - at, &out);
  }
  return out;
}

char *utf8_repair(struct arena *arena, const char *text, size_t length, size_t *repaired_length)
{
  char *copy = NULL;
  char *end = NULL;

  if (utf8_classify(text, length) <= UTF8_LINES) {
    *repaired_length = length;
    return arena_copy(arena, text, length);
  }
  if (length >= SIZE_MAX / REPLACEMENT_LENGTH)
    return NULL;
  copy = arena_alloc(arena, length * REPLACEMENT_LENGTH + 1);
  if (copy == NULL)
    return NULL;
  end = repair_into(copy, text, length);
  *end = '\0';
  arena_trim(arena, end + 1);
  *repaired_length = (size_t)(end - copy);
  return copy;
}

size_t utf8_cut(const char *text, size_t length, size_t limit)
{
  size_t at = limit;

  if (length <= limit)
    return length;
  while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
    at--;
  return at;
}

uint32_t utf8_decode(const char *text, size_t *bytes)
{
  unsigned char first = (unsigned char)text[0];
  uint32_t character = 0;

  if (first < 0x80) {
    *bytes = 1;
    return first;
  }
  *bytes = sequence_length(first);
  character = first & (0x7Fu >> *bytes);
  for (size_t i = 1; i < *bytes; i++)
    character = character << 6 | ((unsigned char)text[i] & 0x3F);
  return character;
}

size_t utf8_encode(uint32_t character, char *out)
{
  size_t bytes = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

  if (bytes == 1) {
    out[0] = (char)character;
    return 1;
  }
  for (size_t i = bytes - 1; i > 0; i--) {
    out[i] = (char)(0x80 | (character & 0x3F));
    character >>= 6;
  }
  out[0] = (char)((0xF00u >> bytes & 0xFF) | character);
  return bytes;
}

static uint32_t fold_ascii(uint32_t character)
{
  return character - 'A' < 26 ? character + ('a' - 'A') : character;
}

uint32_t utf8_fold(uint32_t character)
{
  size_t low = 0;
  size_t high = fold_range_count;

  if (character < 0x80)
    return fold_ascii(character);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct fold_range *range = &fold_ranges[middle];

    if (character > range->last)
      low = middle + 1;
    else if (character < range->first)
      high = middle;
    else if ((character - range->first) % range->stride == 0)
      return character + (uint32_t)range->delta;
    else
      return character;
  }
  return character;
}

/* Reads a folded character at `*at` and moves behind it. Never reads past `length`, even where the
 * text is not UTF-8, as a damaged file's may be. */
static uint32_t next_folded(const char *text, size_t length, size_t *at)
{
  unsigned char first = (unsigned char)text[*at];
  size_t bytes = 0;
  uint32_t character = 0;

  if (first < 0x80) {
    ++*at;
    return fold_ascii(first);
  }
  if (sequence_length(first) > length - *at) {
    *at = length;
    return REPLACEMENT;
  }
  character = utf8_decode(text + *at, &bytes);
  *at += bytes;
  return utf8_fold(character);
}

static bool starts_with(const char *text, size_t length, const char *start, size_t start_length)
{
  size_t at = 0;
  size_t start_at = 0;

  while (start_at < start_length) {
    if (at == length ||
        next_folded(text, length, &at) != next_folded(start, start_length, &start_at))
      return false;
  }
  return true;
}

/* Whether one of eight bytes may begin a character that folds to `first`. `first` in each byte, or
 * 0xFF where it is not ASCII, is `pattern`; `case_bit` is 0x20 in each byte where it is a letter.
 * Bytes above 0x7F always may. */
static bool may_begin(uint64_t word, uint64_t pattern, uint64_t case_bit)
{
  uint64_t differs = (word | case_bit) ^ pattern;

  return ((((differs - EACH_BYTE(0x01)) & ~differs) | word) & EACH_BYTE(0x80)) != 0;
}

bool utf8_contains(const char *text, size_t length, const char *needle, size_t needle_length)
{
  size_t needle_at = 0;
  size_t at = 0;
  uint32_t first = 0;
  uint64_t pattern = EACH_BYTE(0xFF);
  uint64_t case_bit = 0;

  if (needle_length == 0)
    return true;
  first = next_folded(needle, needle_length, &needle_at);
  if (first < 0x80)
    pattern = EACH_BYTE(first);
  if (first >= 'a' && first <= 'z')
    case_bit = EACH_BYTE(0x20);
  while (at < length) {
    size_t stop = length - at > WORD ? at + WORD : length;

    if (length - at >= WORD && !may_begin(load_word(text + at), pattern, case_bit)) {
      at += WORD;
      continue;
    }
    while (at < stop)
      if (next_folded(text, length, &at) == first &&
          starts_with(text + at, length - at, needle + needle_at, needle_length - needle_at))
        return true;
  }
  return false;
}
