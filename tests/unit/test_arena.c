/*
 * base/arena: pieces are apart, aligned where they must be, and stay where they are until the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void an_unused_arena_can_be_freed(void **state)
{
  struct arena arena = { 0 };

  (void)state;
  arena_free(&arena);
  assert_null(arena.blocks);
}

static void a_freed_arena_is_empty_and_can_be_used_again(void **state)
{
  struct arena arena = { 0 };

  (void)state;
  assert_non_null(arena_alloc(&arena, 10));
  arena_free(&arena);
  assert_null(arena.blocks);
  assert_null(arena.at);
  assert_non_null(arena_alloc(&arena, 10));
  arena_free(&arena);
}

static void a_piece_of_no_bytes_is_a_piece(void **state)
{
  struct arena arena = { 0 };

  (void)state;
  assert_non_null(arena_alloc(&arena, 0));
  assert_non_null(arena_object(&arena, 0));
  arena_free(&arena);
}

static void pieces_keep_what_was_written_to_them(void **state)
{
  enum {
    COUNT = 500
  };
  struct arena arena = { 0 };
  char *pieces[COUNT];

  (void)state;
  for (size_t i = 0; i < COUNT; i++) {
    pieces[i] = i % 2 == 0 ? arena_alloc(&arena, i + 1) : arena_object(&arena, i + 1);
    assert_non_null(pieces[i]);
    memset(pieces[i], (int)(i % 251), i + 1);
  }
  for (size_t i = 0; i < COUNT; i++)
    for (size_t byte = 0; byte <= i; byte++)
      assert_int_equal((unsigned char)pieces[i][byte], i % 251);
  arena_free(&arena);
}

static void objects_are_aligned_whatever_text_is_before_them(void **state)
{
  struct arena arena = { 0 };

  (void)state;
  for (size_t size = 0; size < 5000; size = size * 2 + 1) {
    max_align_t *object = NULL;

    assert_non_null(arena_alloc(&arena, size));
    object = arena_object(&arena, sizeof(*object));
    assert_non_null(object);
    assert_int_equal((uintptr_t)object % alignof(max_align_t), 0);
    memset(object, 0xA5, sizeof(*object));
  }
  arena_free(&arena);
}

static void objects_are_aligned_at_every_place_near_the_end_of_a_block(void **state)
{
  (void)state;
  for (size_t left = 0; left <= 3 * sizeof(max_align_t); left++) {
    struct arena arena = { 0 };
    char *object = NULL;

    assert_non_null(arena_alloc(&arena, 1));
    assert_non_null(arena_alloc(&arena, (size_t)(arena.end - arena.at) - left));
    object = arena_object(&arena, sizeof(max_align_t));
    assert_non_null(object);
    assert_int_equal((uintptr_t)object % alignof(max_align_t), 0);
    memset(object, 0xA5, sizeof(max_align_t));
    arena_free(&arena);
  }
}

static void a_piece_larger_than_any_block_is_had(void **state)
{
  enum {
    LARGE = 1000000
  };
  struct arena arena = { 0 };
  char *small = arena_alloc(&arena, 3);
  char *large = arena_alloc(&arena, LARGE);

  (void)state;
  assert_non_null(small);
  assert_non_null(large);
  memcpy(small, "abc", 3);
  memset(large, 'x', LARGE);
  assert_memory_equal(small, "abc", 3);
  arena_free(&arena);
}

static void pieces_in_reserved_room_follow_each_other(void **state)
{
  enum {
    ROOM = 10000,
    PIECE = 100
  };
  struct arena arena = { 0 };
  char *first = NULL;

  (void)state;
  assert_non_null(arena_alloc(&arena, 1000));
  arena_reserve(&arena, ROOM);
  first = arena_alloc(&arena, PIECE);
  assert_non_null(first);
  for (size_t at = PIECE; at < ROOM; at += PIECE)
    assert_ptr_equal(arena_alloc(&arena, PIECE), first + at);
  arena_free(&arena);
}

static void room_that_can_not_be_reserved_changes_nothing(void **state)
{
  struct arena arena = { 0 };
  char *before = arena_copy(&arena, "before", 6);

  (void)state;
  assert_non_null(before);
  arena_reserve(&arena, SIZE_MAX);
  assert_string_equal(before, "before");
  assert_ptr_equal(arena_alloc(&arena, 1), before + 7);
  arena_free(&arena);
}

static void the_tail_of_the_newest_piece_is_used_again(void **state)
{
  struct arena arena = { 0 };
  char *piece = arena_alloc(&arena, 100);

  (void)state;
  assert_non_null(piece);
  memcpy(piece, "kept", 4);
  arena_trim(&arena, piece + 4);
  assert_ptr_equal(arena_alloc(&arena, 10), piece + 4);
  assert_memory_equal(piece, "kept", 4);
  arena_free(&arena);
}

static void a_copy_ends_in_nul_and_is_apart_from_its_source(void **state)
{
  struct arena arena = { 0 };
  char source[] = "text and more";
  char *copy = arena_copy(&arena, source, 4);

  (void)state;
  assert_non_null(copy);
  source[0] = 'n';
  assert_string_equal(copy, "text");
  arena_free(&arena);
}

static void copies_keep_bytes_of_zero(void **state)
{
  struct arena arena = { 0 };
  char *copy = arena_copy(&arena, "a\0b", 3);

  (void)state;
  assert_non_null(copy);
  assert_memory_equal(copy, "a\0b", 4);
  arena_free(&arena);
}

static void sizes_that_no_machine_has_are_refused_and_leave_the_arena_usable(void **state)
{
  static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 1 };
  struct arena arena = { 0 };
  char *before = arena_copy(&arena, "before", 6);

  (void)state;
  assert_non_null(before);
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    assert_null(arena_alloc(&arena, sizes[i]));
    assert_null(arena_object(&arena, sizes[i]));
    assert_null(arena_copy(&arena, "x", sizes[i]));
  }
  assert_string_equal(before, "before");
  assert_non_null(arena_alloc(&arena, 10));
  arena_free(&arena);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_unused_arena_can_be_freed),
    cmocka_unit_test(a_freed_arena_is_empty_and_can_be_used_again),
    cmocka_unit_test(a_piece_of_no_bytes_is_a_piece),
    cmocka_unit_test(pieces_keep_what_was_written_to_them),
    cmocka_unit_test(objects_are_aligned_whatever_text_is_before_them),
    cmocka_unit_test(objects_are_aligned_at_every_place_near_the_end_of_a_block),
    cmocka_unit_test(a_piece_larger_than_any_block_is_had),
    cmocka_unit_test(pieces_in_reserved_room_follow_each_other),
    cmocka_unit_test(room_that_can_not_be_reserved_changes_nothing),
    cmocka_unit_test(the_tail_of_the_newest_piece_is_used_again),
    cmocka_unit_test(a_copy_ends_in_nul_and_is_apart_from_its_source),
    cmocka_unit_test(copies_keep_bytes_of_zero),
    cmocka_unit_test(sizes_that_no_machine_has_are_refused_and_leave_the_arena_usable),
  };

  return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
