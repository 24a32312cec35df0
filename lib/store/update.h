/*
 * Updating records: from a draft that is already read, for update and update_json.
 */
#ifndef STORE_UPDATE_H
#define STORE_UPDATE_H

#include "store/work.h"

connector_status update_draft(struct call *call, const char *id, int64_t expected_version,
                              struct draft *draft, connector **out);

#endif
