/*
 * Merge patches from two texts. Each is read once into a light tree that points into it; then the
 * members of objects are paired by their decoded keys and compared as they are written. Applying
 * patches is json_tree.c's concern.
 */
#include "record/json_diff.h"

#include "base/arena.h"
#include "record/json_keys.h"
#include "record/json_reader.h"

#include <string.h>

enum { FEW = 8 }; /* members that are looked for one by one */

/* A member of an object, or the whole text. Lives in an arena, its text in the document. */
struct node {
  const char *key; /* as it is written, with its quotes and colon */
  size_t key_length;
  struct json_key name; /* the key decoded */
  const char *value;
  size_t length;
  enum json_kind kind;
  bool nulls;   /* has null members, at any depth but in arrays, which a patch can't put anywhere */
  bool paired;  /* the other object has this member too */
  size_t count; /* of members */
  struct node *member; /* the first */
  struct node *next;
};

/* ---- text to tree ---- */

static bool read_value(struct json_reader *reader, struct node *node);

static bool read_key(struct json_reader *reader, struct node *node)
{
  node->key = reader->at;
  node->name.text = json_key(reader, &node->name.length);
  node->key_length = (size_t)(reader->at - node->key);
  return node->name.text != NULL;
}

static bool read_members(struct json_reader *reader, struct node *object)
{
  struct node **end = &object->member;
  bool first = true;

  if (!json_enter(reader))
    return false;
  while (json_more(reader, &first)) {
    struct node *member = arena_object(reader->arena, sizeof(*member));

    if (member == NULL) {
      reader->problem = JSON_NO_MEMORY;
      return false;
    }
    *member = (struct node){ 0 };
    if (!read_key(reader, member) || !read_value(reader, member))
      return false;
    object->nulls = object->nulls || member->nulls || member->kind == JSON_NULL;
    object->count++;
    *end = member;
    end = &member->next;
  }
  return reader->problem == JSON_FINE;
}

static bool read_value(struct json_reader *reader, struct node *node)
{
  node->kind = json_peek(reader);
  node->value = reader->at;
  if (!(node->kind == JSON_OBJECT ? read_members(reader, node) : json_skip(reader)))
    return false;
  node->length = (size_t)(reader->at - node->value);
  return true;
}

/* Reads a text, or what stands for none where there is none or it has a problem. */
static enum json_problem read_text(const char *text, struct arena *arena, struct node *node)
{
  struct json_reader reader;

  *node = (struct node){ 0 };
  json_reader_init(&reader, text != NULL ? text : "null", text != NULL ? strlen(text) : 4, arena);
  if (read_value(&reader, node) && json_finish(&reader))
    return JSON_FINE;
  *node = (struct node){ .kind = JSON_NULL, .value = "null", .length = 4 };
  return reader.problem;
}

/* ---- pairs of members ---- */

struct diff {
  struct buffer *forward;
  struct buffer *back;
  bool exact;            /* `back` is, so far */
  bool failed;           /* memory is gone */
  struct json_keys keys; /* of the objects that are searched, the innermost last */
};

/* Finds the members of one object by name. Most stand where they are expected; where others are
 * many, they are sorted first, so that no input takes quadratic time. */
struct search {
  struct diff *diff;
  struct node *object;
  struct node *expected; /* behind the member that was found last; NULL at the end */
  size_t from;           /* of diff->keys, the object's begin here */
  bool sorted;
};

static bool same_name(const struct node *a, const struct node *b)
{
  return a->name.length == b->name.length &&
         memcmp(a->name.text, b->name.text, a->name.length) == 0;
}

static struct node *find_among_few(const struct search *search, const struct node *wanted)
{
  struct node *member = search->object->member;

  while (member != NULL && !same_name(member, wanted))
    member = member->next;
  return member;
}

static void sort_members(struct search *search)
{
  struct diff *diff = search->diff;

  for (struct node *member = search->object->member; member != NULL; member = member->next)
    if (!json_keys_add(&diff->keys, member->name.text, member->name.length, member))
      diff->failed = true;
  json_keys_sort(&diff->keys, search->from);
  search->sorted = true;
}

static struct node *find_among_many(struct search *search, const struct node *wanted)
{
  const struct json_key *key = NULL;

  if (!search->sorted)
    sort_members(search);
  key = json_keys_search(&search->diff->keys, search->from, &wanted->name);
  return key != NULL ? key->item : NULL;
}

/* The member of the same name, or NULL. */
static struct node *find_member(struct search *search, const struct node *wanted)
{
  struct node *expected = search->expected;
  struct node *found = expected;

  if (expected == NULL || !same_name(expected, wanted)) {
    found = search->object->count > FEW ? find_among_many(search, wanted)
                                        : find_among_few(search, wanted);
    if (found == NULL)
      return NULL;
    if (expected == NULL || found->value < expected->value)
      search->diff->exact = false; /* a patch moves no members */
  }
  search->expected = found->next;
  return found;
}

/* ---- patches ---- */

static void put_key(struct buffer *patch, const struct node *member)
{
  if (patch->length > 0 && patch->bytes[patch->length - 1] != '{')
    buffer_byte(patch, ',');
  buffer_append(patch, member->key, member->key_length);
}

static void put_member(struct buffer *patch, const struct node *member)
{
  put_key(patch, member);
  buffer_append(patch, member->value, member->length);
}

static void put_null(struct buffer *patch, const struct node *member)
{
  put_key(patch, member);
  buffer_append(patch, "null", 4);
}

/* Puts back a member whose place holds no object, or nothing. */
static void put_back(struct diff *diff, const struct node *member)
{
  put_member(diff->back, member);
  if (member->kind == JSON_NULL || member->nulls)
    diff->exact = false;
}

static void diff_objects(struct diff *diff, const struct node *before, struct node *after);

/* Two members of one name. */
static void diff_members(struct diff *diff, const struct node *before, struct node *after)
{
  if (before->key_length != after->key_length ||
      memcmp(before->key, after->key, before->key_length) != 0)
    diff->exact = false; /* a merge keeps the spelling that it finds */
  if (before->length == after->length && memcmp(before->value, after->value, before->length) == 0)
    return;
  if (before->kind == JSON_OBJECT && after->kind == JSON_OBJECT) {
    put_key(diff->forward, after);
    put_key(diff->back, before);
    diff_objects(diff, before, after);
    return;
  }
  put_member(diff->forward, after);
  put_back(diff, before);
}

static void diff_removed(struct diff *diff, const struct node *before)
{
  put_null(diff->forward, before);
  put_back(diff, before);
}

static void diff_added(struct diff *diff, const struct node *after)
{
  for (; after != NULL; after = after->next)
    if (!after->paired) {
      put_member(diff->forward, after);
      put_null(diff->back, after);
    }
}

static void diff_objects(struct diff *diff, const struct node *before, struct node *after)
{
  struct search search = { diff, after, after->member, diff->keys.count, false };
  bool removed = false;

  buffer_byte(diff->forward, '{');
  buffer_byte(diff->back, '{');
  for (const struct node *member = before->member; member != NULL; member = member->next) {
    struct node *found = find_member(&search, member);

    if (found == NULL) {
      removed = true;
      diff_removed(diff, member);
      continue;
    }
    if (removed)
      diff->exact = false; /* what is put back comes last */
    found->paired = true;
    diff_members(diff, member, found);
  }
  diff_added(diff, after->member);
  buffer_byte(diff->forward, '}');
  buffer_byte(diff->back, '}');
  diff->keys.count = search.from;
}

static void diff_texts(struct diff *diff, const struct node *before, struct node *after)
{
  if (before->kind == JSON_OBJECT && after->kind == JSON_OBJECT) {
    diff_objects(diff, before, after);
    return;
  }
  buffer_append(diff->forward, after->value, after->length);
  buffer_append(diff->back, before->value, before->length);
  if (before->nulls)
    diff->exact = false;
}

bool json_diff(const char *before, const char *after, struct buffer *forward, struct buffer *back,
               bool *back_exact)
{
  struct arena arena = { 0 };
  struct node old_tree;
  struct node new_tree;
  enum json_problem old_problem = read_text(before, &arena, &old_tree);
  enum json_problem new_problem = read_text(after, &arena, &new_tree);
  struct diff diff;

  diff.forward = forward;
  diff.back = back;
  diff.exact = old_problem == JSON_FINE && new_problem == JSON_FINE;
  diff.failed = old_problem == JSON_NO_MEMORY || new_problem == JSON_NO_MEMORY;
  json_keys_init(&diff.keys);
  if (!diff.failed)
    diff_texts(&diff, &old_tree, &new_tree);
  *back_exact = diff.exact;
  json_keys_free(&diff.keys);
  arena_free(&arena);
  return !diff.failed && !forward->failed && !back->failed;
}
