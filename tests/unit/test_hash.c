/*
 * Hashes over values: known ones of BLAKE2b, and no two lists of values that give the same.
 */
#include "base/hash.h"

#include "support.h"

enum { LISTS = 9 };

static const uint8_t key[HASH_KEY] = { 1, 2, 3 };

/* What libsodium says of the bytes that stand for a list. */
static void hash_of(const uint8_t *with, const void *bytes, size_t length, uint8_t hash[HASH_BYTES])
{
  assert_int_equal(crypto_generichash(hash, HASH_BYTES, bytes, length, with, with ? HASH_KEY : 0),
                   0);
}

static void values_go_in_with_their_lengths_lowest_byte_first(void **state)
{
  static const uint8_t bytes[] = "use\0\0\0\0\0"
                                 "\x02\x01\0\0\0\0\0\0"
                                 "\x03\0\0\0\0\0\0\0abc"
                                 "\xff\xff\xff\xff\xff\xff\xff\xff"
                                 "xy";
  const uint8_t *const keys[] = { NULL, key };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(keys); i++) {
    hash_state hash;
    uint8_t got[HASH_BYTES];
    uint8_t wanted[HASH_BYTES];
    hash_start(&hash, keys[i], "use\0\0\0\0\0");
    hash_number(&hash, 0x102);
    hash_text(&hash, "abc");
    hash_text(&hash, NULL);
    hash_fixed(&hash, "xy", 2);
    hash_end(&hash, got);
    hash_of(keys[i], bytes, sizeof(bytes) - 1, wanted);
    assert_memory_equal(got, wanted, HASH_BYTES);
  }
}

static void list(size_t which, uint8_t hash[HASH_BYTES])
{
  hash_state state;
  hash_start(&state, which == 1 ? key : NULL, which == 2 ? "other\0\0\0" : "use\0\0\0\0\0");
  if (which == 3) {
    hash_text(&state, "ab");
    hash_text(&state, "c");
  } else if (which == 4) {
    hash_text(&state, "a");
    hash_text(&state, "bc");
  } else if (which == 5) {
    hash_text(&state, NULL);
  } else if (which == 6) {
    hash_text(&state, "");
  } else if (which == 7) {
    hash_number(&state, 1);
  } else if (which == 8) {
    hash_bytes(&state, "ab\0c", 4);
  }
  hash_end(&state, hash);
}

static void no_two_lists_are_the_same(void **state)
{
  uint8_t hashes[LISTS][HASH_BYTES];
  (void)state;
  for (size_t i = 0; i < LISTS; i++) {
    list(i, hashes[i]);
    for (size_t k = 0; k < i; k++)
      assert_memory_not_equal(hashes[i], hashes[k], HASH_BYTES);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(values_go_in_with_their_lengths_lowest_byte_first),
    cmocka_unit_test(no_two_lists_are_the_same),
  };
  return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
