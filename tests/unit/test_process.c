/*
 * Marks of a process: its own threads are the same, a child is not, with the page and without.
 */
#include "base/process.h"

#include "support.h"

#include <pthread.h>
#include <sys/wait.h>

struct asked {
  struct process_mark mark;
  bool same;
};

static void *ask(void *context)
{
  struct asked *asked = context;

  asked->same = process_is_same(&asked->mark);
  return NULL;
}

static bool child_says_same(const struct process_mark *mark)
{
  int ended = 0;
  pid_t child = fork();

  if (child == 0)
    _exit(process_is_same(mark) ? 1 : 0);
  assert_int_equal(waitpid(child, &ended, 0), child);
  assert_true(WIFEXITED(ended));
  return WEXITSTATUS(ended) == 1;
}

static void it_is_the_same_here_and_not_in_a_child(void **state)
{
  struct process_mark mark = { 0 };
  (void)state;
  process_mark(&mark);
  assert_true(process_is_same(&mark));
  assert_false(child_says_same(&mark));
  assert_true(process_is_same(&mark));
  process_unmark(&mark);
}

static void a_mark_without_a_page_asks_the_system(void **state)
{
  struct process_mark mark = { .process = getpid() };
  (void)state;
  assert_true(process_is_same(&mark));
  assert_false(child_says_same(&mark));
  process_unmark(&mark);
}

static void another_thread_is_the_same_process(void **state)
{
  struct asked asked = { .same = false };
  pthread_t thread;
  (void)state;
  process_mark(&asked.mark);
  assert_int_equal(pthread_create(&thread, NULL, ask, &asked), 0);
  pthread_join(thread, NULL);
  assert_true(asked.same);
  process_unmark(&asked.mark);
}

static void no_mark_is_no_process(void **state)
{
  struct process_mark mark = { 0 };
  (void)state;
  assert_false(process_is_same(&mark));
  process_unmark(&mark);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_is_the_same_here_and_not_in_a_child),
    cmocka_unit_test(a_mark_without_a_page_asks_the_system),
    cmocka_unit_test(another_thread_is_the_same_process),
    cmocka_unit_test(no_mark_is_no_process),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
