# What libconnector is measured beside, in bench/peers: one program each. A peer whose packages are
# not here is left out, and bench/peers/run says so. `make deps-peers` installs them all.

PEERS := $(BUILD)/bench/peers
PEER_CFLAGS = $(APP_FLAGS) -Ibench -Ibench/peers $(CFLAGS)
PEER_COMMON := bench/peers/main.c bench/peers/row.c bench/members.c bench/samples.c
PEER_HEADERS := bench/peers/peer.h $(wildcard bench/*.h)
PEER_LIBS = -L$(BUILD) -lconnector $(RUN_PATH)
PEER_OBJECTS := $(PEER_COMMON:%.c=$(BUILD)/%.o)

# Looked for only where they are to be built: SOCI's headers are large.
ifneq ($(filter bench-peers,$(MAKECMDGOALS)),)
peer_has = $(if $(shell printf '\#include <$(1)>\n' | $(CC) -E -x $(2) - >/dev/null 2>&1 && echo yes),$(PEERS)/$(3))
PEER_PROGRAMS := $(PEERS)/syncs.so $(PEERS)/rows $(PEERS)/libconnector $(PEERS)/handwritten \
	$(call peer_has,lmdb.h,c,lmdb) \
	$(call peer_has,soci/sqlite3/soci-sqlite3.h,c++,soci) \
	$(call peer_has,curl/curl.h,c,rest_client)
endif

$(PEER_OBJECTS): $(BUILD)/%.o: %.c $(PEER_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(PEER_CFLAGS) -c -o $@ $<

$(PEERS)/%: bench/peers/%.c $(PEER_OBJECTS) $(PEER_HEADERS) $(BUILD)/$(SHARED_LINK)
	@mkdir -p $(@D)
	$(CC) $(PEER_CFLAGS) $(PEER_DEP_CFLAGS) -o $@ $< $(PEER_SOURCES) $(PEER_OBJECTS) $(PEER_LIBS) $(PEER_DEP_LIBS)

$(PEERS)/handwritten: PEER_SOURCES := $(wildcard bench/handwritten*.c)
$(PEERS)/handwritten: $(wildcard bench/handwritten*.c)
$(PEERS)/handwritten: PEER_DEP_CFLAGS = $(DEP_CFLAGS)
$(PEERS)/handwritten: PEER_DEP_LIBS = $(DEP_LIBS)
$(PEERS)/lmdb: PEER_DEP_LIBS = -llmdb
$(PEERS)/rest_client: PEER_DEP_LIBS = $(DEP_LIBS) -lcurl

$(PEERS)/syncs.so: bench/peers/syncs.c
	@mkdir -p $(@D)
	$(CC) $(STANDARD) $(WARNINGS) $(CFLAGS) -fPIC -shared -o $@ $< -ldl

$(PEERS)/soci: bench/peers/soci.cpp $(PEER_OBJECTS) $(PEER_HEADERS) $(BUILD)/$(SHARED_LINK)
	@mkdir -p $(@D)
	$(CXX) -std=c++17 -pthread -Iinclude -Ibench/peers $(CFLAGS) -Wall -Wextra $(WERROR) -isystem /usr/include/soci -o $@ $< $(PEER_OBJECTS) $(PEER_LIBS) -lsoci_core -lsoci_sqlite3

bench-peers: $(PEER_PROGRAMS) ## time the main operations beside what people use instead
	BUILD=$(BUILD) bench/peers/run --controls
	BUILD=$(BUILD) bench/peers/run $(BENCH_FLAGS)

deps-peers: ## install what bench-peers measures: SOCI, SQLAlchemy, LMDB, and a REST service from npm
	@BUILD=$(BUILD) bench/peers/deps

.PHONY: bench-peers deps-peers
