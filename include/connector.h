/*
 * connector.h: the one line that a host writes to use libconnector.
 *
 * libconnector is a registry of connectors, one record for each data source or sink that an
 * application has configured, kept in one SQLite file. Start at connector_open() in
 * <connector/store.h>.
 */
#ifndef CONNECTOR_H
#define CONNECTOR_H

#include <connector/error.h>
#include <connector/health.h>
#include <connector/history.h>
#include <connector/json.h>
#include <connector/query.h>
#include <connector/record.h>
#include <connector/resolvers.h>
#include <connector/secret.h>
#include <connector/store.h>

#endif
