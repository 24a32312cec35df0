/*
 * Boxes: libsodium's own form in both directions, for all lengths and what they are bound to; what
 * was changed does not open, and nothing is written then.
 */
#include "secret/box.h"

#include "support.h"

#include <sodium.h>

enum { LONGEST = 300 };

static const uint8_t key[BOX_KEY] = "a key of thirty-two bytes, none ";
static const uint8_t bound[40] = "what it is bound to";

/* Text that differs from byte to byte, and a nonce. */
static void fill(uint8_t *text, size_t length, uint8_t *box)
{
  for (size_t i = 0; i < length; i++)
    text[i] = (uint8_t)(i * 7 + length);
  memset(box, (int)length + 1, BOX_NONCE);
}

static void a_box_is_what_libsodium_makes(void **state)
{
  (void)state;
  for (size_t length = 0; length <= LONGEST; length++) {
    const struct box_bound to = { bound, length % sizeof(bound) };
    uint8_t text[LONGEST + 1];
    uint8_t box[LONGEST + BOX_OVERHEAD];
    uint8_t wanted[LONGEST + BOX_TAG];
    fill(text, length, box);
    box_close(key, to, text, length, box);
    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_encrypt(wanted, NULL, text, length, bound,
                                                                to.length, NULL, box, key),
                     0);
    assert_memory_equal(box + BOX_NONCE, wanted, length + BOX_TAG);
  }
}

static void a_box_opens_as_it_was_closed(void **state)
{
  (void)state;
  for (size_t length = 0; length <= LONGEST; length++) {
    const struct box_bound to = { bound, length % sizeof(bound) };
    uint8_t text[LONGEST + 1];
    uint8_t opened[LONGEST + 1] = { 0 };
    uint8_t box[LONGEST + BOX_OVERHEAD];
    fill(text, length, box);
    box_close(key, to, text, length, box);
    assert_true(box_open(key, to, box, length, opened));
    assert_memory_equal(opened, text, length);
  }
}

static void a_changed_bit_anywhere_opens_nothing(void **state)
{
  enum { LENGTH = 20 };
  uint8_t text[LENGTH];
  uint8_t box[LENGTH + BOX_OVERHEAD];
  uint8_t other[sizeof(bound)];
  const struct box_bound to = { bound, sizeof(bound) };
  (void)state;
  fill(text, LENGTH, box);
  box_close(key, to, text, LENGTH, box);
  for (size_t bit = 0; bit < sizeof(box) * 8; bit++) {
    uint8_t opened[LENGTH] = { 0 };
    static const uint8_t zeroes[LENGTH] = { 0 };
    box[bit / 8] ^= (uint8_t)(1u << bit % 8);
    assert_false(box_open(key, to, box, LENGTH, opened));
    assert_memory_equal(opened, zeroes, LENGTH);
    box[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  for (size_t bit = 0; bit < sizeof(bound) * 8; bit++) {
    uint8_t opened[LENGTH] = { 0 };
    memcpy(other, bound, sizeof(bound));
    other[bit / 8] ^= (uint8_t)(1u << bit % 8);
    assert_false(box_open(key, (struct box_bound){ other, sizeof(other) }, box, LENGTH, opened));
  }
  assert_true(box_open(key, to, box, LENGTH, text));
}

static void a_box_is_bound_to_the_length_too(void **state)
{
  uint8_t box[8 + BOX_OVERHEAD] = { 0 };
  uint8_t opened[8];
  (void)state;
  box_close(key, (struct box_bound){ bound, 16 }, "12345678", 8, box);
  assert_false(box_open(key, (struct box_bound){ bound, 17 }, box, 8, opened));
  assert_false(box_open(key, (struct box_bound){ bound, 0 }, box, 8, opened));
  assert_true(box_open(key, (struct box_bound){ bound, 16 }, box, 8, opened));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_box_is_what_libsodium_makes),
    cmocka_unit_test(a_box_opens_as_it_was_closed),
    cmocka_unit_test(a_changed_bit_anywhere_opens_nothing),
    cmocka_unit_test(a_box_is_bound_to_the_length_too),
  };
  return cmocka_run_group_tests_name("box", tests, NULL, NULL);
}
