/*
 * The token: who holds it, when it is renewed, and that one thread at a time logs in for all.
 * Nothing runs by itself: what is due is done by the call that finds it due.
 */
#include "session.h"

#include "client.h"
#include "login.h"
#include "report.h"

#include <sodium.h>
#include <string.h>

enum {
  QUIET_MS = 10000, /* no login for a 403 so soon after one that did not help */
  RETRY_MS = 5000   /* between tries to renew a token that still holds */
};

bool session_init(struct session *session)
{
  return meeting_init(&session->meeting);
}

void session_free(struct session *session)
{
  guarded_free(&session->token);
  meeting_free(&session->meeting);
}

/* ---- renewing and logging in ---- */

/* Somewhere in the last tenth before two thirds of the lease. */
static int64_t renewal_of(int64_t now, int64_t lease)
{
  uint32_t tenth = lease / 10 < UINT32_MAX ? (uint32_t)(lease / 10) : UINT32_MAX;

  return now + lease / 3 * 2 - randombytes_uniform(tenth + 1);
}

/* Under the lock. The token moves in where there is a new one; else the old one was renewed. */
static void install(struct session *session, struct lease *lease, int64_t asked_at)
{
  session->expires_at = lease->lease_ms > 0 ? asked_at + lease->lease_ms : INT64_MAX;
  session->renew_at = lease->lease_ms > 0 ? renewal_of(asked_at, lease->lease_ms) : INT64_MAX;
  session->renewable = lease->renewable;
  if (lease->token.length == 0)
    return;
  session->first_lease_ms = lease->lease_ms;
  guarded_free(&session->token);
  session->token = lease->token;
  memset(&lease->token, 0, sizeof(lease->token));
  session->generation++;
  session->stamp = lease->stamp;
  (void)sodium_mprotect_noaccess(session->token.bytes);
}

/* Under the lock: copies the token out, and closes it again. */
static void copy_token(struct session *session, const char *before, struct guarded *into)
{
  guarded_text(into, before);
  if (session->token.bytes == NULL)
    return;
  (void)sodium_mprotect_readonly(session->token.bytes);
  guarded_append(into, session->token.bytes, session->token.length);
  (void)sodium_mprotect_noaccess(session->token.bytes);
  guarded_end(into);
}

/* Renews where that can be done, else logs in. Without the lock; `busy` keeps others out. */
static connector_status obtain(struct call *call, bool renew, struct lease *lease)
{
  struct session *session = &call->client->session;
  const struct settings *settings = &call->client->settings;
  struct guarded token = { 0 };
  connector_status status = CONNECTOR_SECRET_DENIED;

  if (renew) {
    meeting_lock(&session->meeting);
    copy_token(session, "", &token);
    meeting_unlock(&session->meeting);
    status = token.failed ? error_no_memory(call->error) : login_renew(call, &token, lease);
    guarded_free(&token);
    /* Near the end of its longest life a token is given less and less. */
    if (status == CONNECTOR_OK && lease->lease_ms * 3 < session->first_lease_ms)
      status = CONNECTOR_SECRET_DENIED;
    log_say(settings->log, settings->user,
            status == CONNECTOR_OK ? CONNECTOR_LOG_DEBUG : CONNECTOR_LOG_WARNING,
            status == CONNECTOR_OK ? "vault: the token was renewed"
                                   : "vault: the token could not be renewed");
  }
  /* Past its longest life a token can't be renewed, but another one can be had. */
  if (status == CONNECTOR_SECRET_DENIED)
    status = login_run(call, lease);
  return status;
}

/* With a worker of its own: the call's holds the request that waits for the token. */
static connector_status run_obtain(struct call *outer, int64_t deadline, bool renew,
                                   struct lease *lease)
{
  struct client *client = outer->client;
  struct call call = { .client = client, .deadline = deadline, .error = outer->error };
  connector_status status = CONNECTOR_OK;

  status = call_worker(&call);
  if (status == CONNECTOR_OK)
    status = obtain(&call, renew, lease);
  pool_give(&client->pool, call.worker);
  outer->passing = call.passing;
  return status;
}

/* ---- whose turn it is ---- */

static bool is_good(const struct session *session, const struct session_use *use)
{
  return session->generation != 0 && session->generation != use->refused &&
         clock_now() < session->expires_at;
}

/* The file that the token was read from is another one now. */
static bool file_moved(const struct client *client)
{
  const struct session *session = &client->session;
  const struct settings *settings = &client->settings;
  struct file_stamp stamp;

  if (settings->auth != CONNECTOR_VAULT_AUTH_TOKEN || settings->file == NULL)
    return false;
  return file_stamp(settings->file, &stamp) && !file_stamp_equal(&stamp, &session->stamp);
}

/* Under the lock, which it lets go meanwhile; what came of it is kept for those who wait. */
static connector_status take_turn(struct call *call, int64_t deadline, bool renew)
{
  struct session *session = &call->client->session;
  struct lease lease = { 0 };
  int64_t now = clock_now();
  connector_error error = { 0 };
  connector_error *outer = call->error;

  session->busy = true;
  meeting_unlock(&session->meeting);
  call->error = &error;
  session->status = run_obtain(call, deadline, renew, &lease);
  call->error = outer;
  meeting_lock(&session->meeting);
  session->busy = false;
  session->attempts++;
  session->passing = call->passing;
  session->error = error;
  if (session->status == CONNECTOR_OK)
    install(session, &lease, now);
  else
    session->renew_at = clock_now() + RETRY_MS;
  guarded_free(&lease.token);
  meeting_wake_all(&session->meeting);
  return session->status;
}

/* Under the lock: what the last turn came to is this call's failure too. */
static connector_status hand_over(struct call *call)
{
  struct session *session = &call->client->session;

  call->passing = session->passing;
  if (call->error != NULL && session->status != CONNECTOR_OK)
    *call->error = session->error;
  return session->status;
}

static connector_status out_of_time(struct call *call)
{
  call->passing = true;
  return error_set(call->error, CONNECTOR_SECRET_TIMEOUT, NULL, "the vault did not answer in time");
}

/* Under the lock, while another thread is at it. That one's time may have been shorter than ours:
 * then it is our turn. */
static connector_status wait_turn(struct call *call, int64_t deadline)
{
  struct session *session = &call->client->session;
  uint64_t attempts = session->attempts;

  while (session->attempts == attempts && clock_now() < deadline)
    meeting_wait(&session->meeting, deadline);
  if (session->attempts == attempts)
    return out_of_time(call);
  return session->status == CONNECTOR_SECRET_TIMEOUT ? CONNECTOR_OK : hand_over(call);
}

/* Under the lock, until there is a token to use. An old one that still holds will do where a new
 * one can't be had. */
static connector_status agree(struct call *call, int64_t deadline, const struct session_use *use)
{
  struct session *session = &call->client->session;
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK) {
    bool good = is_good(session, use);
    bool moved = file_moved(call->client);
    bool due = moved || clock_now() >= session->renew_at;

    if (good && (session->busy || !due))
      return CONNECTOR_OK;
    if (session->busy) {
      status = wait_turn(call, deadline);
    } else if (clock_now() >= deadline) {
      status = out_of_time(call);
    } else if (take_turn(call, deadline, good && session->renewable && !moved) != CONNECTOR_OK) {
      if (is_good(session, use))
        return CONNECTOR_OK;
      status = hand_over(call);
    }
  }
  return status;
}

connector_status session_header(struct call *call, int64_t deadline, struct session_use *use)
{
  struct session *session = &call->client->session;
  connector_status status = CONNECTOR_OK;

  meeting_lock(&session->meeting);
  status = agree(call, deadline, use);
  if (status == CONNECTOR_OK) {
    copy_token(session, "X-Vault-Token: ", &call->worker->header);
    use->generation = session->generation;
  }
  meeting_unlock(&session->meeting);
  if (status == CONNECTOR_OK && call->worker->header.failed)
    return error_no_memory(call->error);
  return status;
}

/* ---- refused tokens ---- */

bool session_refused(struct client *client, struct session_use *use)
{
  struct session *session = &client->session;
  const struct settings *settings = &client->settings;
  bool again = false;

  meeting_lock(&session->meeting);
  if (use->refused != 0)
    session->quiet_until = clock_now() + QUIET_MS; /* the new one is refused too */
  else if (session->generation != use->generation)
    again = true; /* another thread has logged in since */
  else
    again = clock_now() >= session->quiet_until &&
            (settings->auth != CONNECTOR_VAULT_AUTH_TOKEN || settings->file != NULL);
  use->refused = use->generation;
  meeting_unlock(&session->meeting);
  return again;
}
