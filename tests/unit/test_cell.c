/*
 * secret/cell: what is sealed comes back and is seen by nobody else; damage and the wrong memory
 * are told; copies are their own.
 */
#include "secret_support.h"

#include <sodium.h>

enum { OVERHEAD = 24 + 16 };

static struct secret_cell cell_of(const char *text, size_t length)
{
  struct secret_cell cell = { 0 };

  assert_ok(secret_cell_seal(memory, text, length, &cell, &failure));
  assert_int_equal(cell.length, length);
  return cell;
}

static void assert_text(const struct secret_cell *cell, const char *text, size_t length)
{
  struct secret_work work = { 0 };

  assert_ok(secret_work_take(memory, cell->length, &work, &failure));
  assert_ok(secret_cell_open(memory, cell, work.bytes, &failure));
  assert_int_equal(cell->length, length);
  assert_memory_equal(work.bytes, text, length);
  secret_work_give(&work);
}

static void what_is_sealed_comes_back(void **state)
{
  static const size_t lengths[] = { 0, 1, 15, 16, 17, 63, 64, 65, 200, 511, 512, 1000, 65536 };
  char *text = run_of('x', 65536);

  (void)state;
  for (size_t i = 0; i < 65536; i++)
    text[i] = (char)(i * 7);
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    struct secret_cell cell = cell_of(text, lengths[i]);

    assert_text(&cell, text, lengths[i]);
    assert_text(&cell, text, lengths[i]);
    secret_cell_free(&cell);
    assert_null(cell.box);
    assert_int_equal(cell.length, 0);
  }
  free(text);
}

static void an_empty_cell_has_no_box(void **state)
{
  struct secret_cell cell = cell_of(NULL, 0);

  (void)state;
  assert_null(cell.box);
  secret_cell_free(&cell);
  secret_cell_free(&cell);
}

/* The box is what libsodium itself would open. */
static void the_form_is_that_of_the_library_s_own_function(void **state)
{
  static const size_t lengths[] = { 1, 16, 63, 64, 65, 200, 5000 };
  uint8_t key[SECRET_KEY_BYTES];
  char *text = run_of('t', 5000);
  char *opened = run_of('o', 5000);

  (void)state;
  assert_ok(secret_memory_join(memory, key, &failure));
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    struct secret_cell cell = cell_of(text, lengths[i]);
    unsigned long long length = 0;

    assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(
                         (unsigned char *)opened, &length, NULL, cell.box + 24, lengths[i] + 16,
                         NULL, 0, cell.box, key),
                     0);
    assert_int_equal(length, lengths[i]);
    assert_memory_equal(opened, text, lengths[i]);
    secret_cell_free(&cell);
  }
  free(text);
  free(opened);
}

static void the_same_text_is_never_sealed_alike(void **state)
{
  struct secret_cell first = cell_of("the same text", 13);
  struct secret_cell second = cell_of("the same text", 13);

  (void)state;
  assert_memory_not_equal(first.box, second.box, 24);
  assert_memory_not_equal(first.box + 24, second.box + 24, 13);
  assert_memory_not_equal(first.box + 24, "the same text", 13);
  secret_cell_free(&first);
  secret_cell_free(&second);
}

static void refuse(struct secret_memory *own, const struct secret_cell *cell)
{
  char room[64];
  char before[64];

  memset(room, 'r', sizeof(room));
  memset(before, 'r', sizeof(before));
  assert_answer(secret_cell_open(own, cell, room, &failure), CONNECTOR_CORRUPT, "");
  assert_memory_equal(room, before, sizeof(room));
}

static void any_damage_is_told_and_nothing_is_written(void **state)
{
  struct secret_cell cell = cell_of("twenty bytes of text", 20);

  (void)state;
  for (size_t i = 0; i < 20 + OVERHEAD; i++)
    for (int bit = 0; bit < 8; bit++) {
      cell.box[i] = (uint8_t)(cell.box[i] ^ 1 << bit);
      refuse(memory, &cell);
      cell.box[i] = (uint8_t)(cell.box[i] ^ 1 << bit);
    }
  for (uint32_t length = 1; length < 20; length++) {
    struct secret_cell cut = { cell.box, length };

    refuse(memory, &cut);
  }
  assert_text(&cell, "twenty bytes of text", 20);
  secret_cell_free(&cell);
}

static void another_memory_can_not_open_it(void **state)
{
  struct secret_memory *own = NULL;
  struct secret_cell cell = cell_of("text", 4);

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  refuse(own, &cell);
  secret_memory_release(own);
  secret_cell_free(&cell);
}

static void a_copy_is_its_own(void **state)
{
  struct secret_cell cell = cell_of("text", 4);
  struct secret_cell copy = { 0 };
  struct secret_cell empty = { 0 };

  (void)state;
  assert_ok(secret_cell_copy(&cell, &copy, &failure));
  cell.box[24] ^= 1;
  secret_cell_free(&cell);
  assert_text(&copy, "text", 4);
  secret_cell_free(&copy);
  assert_ok(secret_cell_copy(&empty, &copy, &failure));
  assert_null(copy.box);
}

static void more_than_a_cell_can_be_is_no_memory(void **state)
{
  struct secret_cell cell = { 0 };

  (void)state;
  assert_answer(secret_cell_seal(memory, "", SIZE_MAX, &cell, &failure), CONNECTOR_NO_MEMORY, "");
  assert_null(cell.box);
}

static void one_key_serves_many_cells(void **state)
{
  struct secret_key key = { 0 };
  struct secret_cell cells[3];
  char texts[3][2] = { "a", "b", "c" };
  char byte = 0;

  (void)state;
  assert_ok(secret_key_take(memory, &key, &failure));
  for (size_t i = 0; i < 3; i++)
    assert_ok(secret_key_seal(&key, texts[i], 1, &cells[i], &failure));
  for (size_t i = 0; i < 3; i++) {
    assert_ok(secret_key_open(&key, &cells[i], &byte, &failure));
    assert_int_equal(byte, texts[i][0]);
    secret_cell_free(&cells[i]);
  }
  secret_key_give(&key);
  secret_key_give(&key);
}

static void use_in_child(void *user)
{
  struct secret_cell *cell = user;
  struct secret_cell other = { 0 };
  char room[4] = "rrr";
  connector_error error = { 0 };

  child_expects(secret_cell_open(memory, cell, room, &error) == CONNECTOR_MISUSE);
  child_expects(secret_cell_seal(memory, "x", 1, &other, &error) == CONNECTOR_MISUSE);
  child_expects(other.box == NULL && strcmp(room, "rrr") == 0);
  secret_cell_free(cell);
}

static void a_child_can_open_and_seal_nothing(void **state)
{
  struct secret_cell cell = cell_of("text", 4);

  (void)state;
  in_child(use_in_child, &cell);
  assert_text(&cell, "text", 4);
  secret_cell_free(&cell);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(what_is_sealed_comes_back),
    secret_test(an_empty_cell_has_no_box),
    secret_test(the_form_is_that_of_the_library_s_own_function),
    secret_test(the_same_text_is_never_sealed_alike),
    secret_test(any_damage_is_told_and_nothing_is_written),
    secret_test(another_memory_can_not_open_it),
    secret_test(a_copy_is_its_own),
    secret_test(more_than_a_cell_can_be_is_no_memory),
    secret_test(one_key_serves_many_cells),
    secret_test(a_child_can_open_and_seal_nothing),
  };

  return cmocka_run_group_tests_name("cell", tests, NULL, NULL);
}
