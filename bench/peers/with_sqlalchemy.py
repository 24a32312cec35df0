#!/usr/bin/env python3
"""SQLAlchemy's ORM on Python's sqlite3, the orders of bench/peers/main.c.

A mapped class with a column for each of the record's, a session for the program's life, objects
added to it for writes and selected for reads. The file, its indexes and its settings are the
hand-written program's.
"""
import sys
import time

from sqlalchemy import Column, Integer, Text, create_engine, event, func, select, update
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.pool import QueuePool

STRIDE = 7919
PAGE = 50
PERSON = "per_01HG5E4G7X0NTH82F7AG3BCKKD"
NUMBERS = {
    "created_at", "updated_at", "deleted_at", "schema_version", "oauth_refresh_needed",
    "oauth_token_expires_at", "enabled", "last_sync_at", "consecutive_errors",
    "credential_last_rotated_at", "next_rotation_due", "version",
}

Base = declarative_base()


class Connector(Base):
    __tablename__ = "connector"

    id = Column(Text, primary_key=True)
    tenant_id = Column(Text, primary_key=True)
    app_id = Column(Text)
    created_at = Column(Integer)
    updated_at = Column(Integer)
    created_by = Column(Text)
    updated_by = Column(Text)
    source = Column(Text)
    source_type = Column(Text)
    deleted_at = Column(Integer)
    deleted_by = Column(Text)
    schema_version = Column(Integer)
    type = Column(Text)
    provider = Column(Text)
    name = Column(Text)
    scope = Column(Text)
    owner_id = Column(Text)
    group_id = Column(Text)
    user_id = Column(Text)
    config = Column(Text)
    vault_path = Column(Text)
    auth_type = Column(Text)
    oauth_refresh_needed = Column(Integer)
    oauth_token_expires_at = Column(Integer)
    enabled = Column(Integer)
    sync_status = Column(Text)
    last_sync_at = Column(Integer)
    consecutive_errors = Column(Integer)
    last_error = Column(Text)
    metrics = Column(Text)
    event_types = Column(Text)
    webhook_endpoint_id = Column(Text)
    credential_last_rotated_at = Column(Integer)
    next_rotation_due = Column(Integer)
    tags = Column(Text)
    version = Column(Integer)
    application_id = Column(Text)
    row_check = Column(Integer, default=0x7FFFFFFF)
    token_lead = Column(Integer, default=0)


COLUMNS = [column.name for column in Connector.__table__.columns][:-2]


def settle(connection, _record):
    """The hand-written program's settings."""
    for pragma in (
        "journal_mode = WAL", "synchronous = FULL", "foreign_keys = 1", "trusted_schema = 0",
        "cell_size_check = 1", "temp_store = 2", "cache_size = -16384", "busy_timeout = 5000",
    ):
        connection.execute("PRAGMA " + pragma)


def read_row(line):
    """A row's columns from its line."""
    row = {}
    for name, text in zip(COLUMNS, line.rstrip("\n").split("\t")):
        if text == "\\N":
            row[name] = None
        else:
            row[name] = int(text) if name in NUMBERS else text
    return row


def write_row(record):
    """A record as a line."""
    values = (getattr(record, name) for name in COLUMNS)
    return "\t".join("\\N" if value is None else str(value) for value in values) + "\n"


def now():
    return int(time.time() * 1000)


class Peer:
    def __init__(self, path, tenant, rows, kept):
        # Release 1.4 would open the file anew for each transaction; from 2.0 on, this is the default.
        engine = create_engine("sqlite:///" + path, poolclass=QueuePool, pool_size=1)
        event.listen(engine, "connect", settle)
        self.session = Session(engine)
        self.tenant = tenant
        self.rows = open(rows, encoding="utf-8")
        self.kept = kept
        self.created = 0
        self.ids = []
        self.versions = []
        self.gets = 0
        self.updates = 0
        self.after = ""
        self.listing = False

    # ---- the work ----

    def create(self, rows):
        """All rows in one transaction."""
        self.session.add_all([Connector(**row) for row in rows])
        self.session.commit()

    def live(self):
        return select(Connector).where(
            Connector.tenant_id == self.tenant, Connector.deleted_at.is_(None)
        )

    def get(self, identifier):
        record = self.session.execute(
            self.live().where(Connector.id == identifier)
        ).scalar_one_or_none()
        self.session.rollback()
        return record

    def change(self, identifier, version, values):
        """One UPDATE that holds for the expected version only; whether it was done."""
        done = self.session.execute(
            update(Connector)
            .where(
                Connector.tenant_id == self.tenant, Connector.deleted_at.is_(None),
                Connector.id == identifier, Connector.version == version,
            )
            .values(version=Connector.version + 1, updated_by=PERSON, **values)
            .execution_options(synchronize_session=False)
        )
        self.session.commit()
        return done.rowcount == 1

    def rename(self, identifier, version, name):
        return self.change(
            identifier, version,
            {"name": name, "updated_at": func.max(Connector.updated_at, now())},
        )

    def remove(self, identifier, version):
        moment = now()
        return self.change(
            identifier, version,
            {"deleted_at": moment, "deleted_by": PERSON, "updated_at": moment},
        )

    def list(self, from_start):
        after = "" if from_start else self.after
        page = self.session.execute(
            self.live().where(Connector.id > after).order_by(Connector.id).limit(PAGE)
        ).scalars().all()
        self.session.rollback()
        if page:
            self.after = page[-1].id
        return page

    # ---- the timed orders: seconds and check ----

    def timed_create(self, count, at_once):
        rows = [read_row(self.rows.readline()) for _ in range(count)]
        start = time.perf_counter()
        for first in range(0, count, at_once):
            self.create(rows[first:first + at_once])
        took = time.perf_counter() - start
        for row in rows[:max(0, self.kept - self.created)]:
            self.ids.append(row["id"])
            self.versions.append(1)
        self.created += count
        return took, self.created

    def timed_get(self, count):
        check = 0
        start = time.perf_counter()
        for _ in range(count):
            record = self.get(self.ids[self.gets * STRIDE % self.kept])
            self.gets += 1
            check += record.version + len(record.config) + len(record.metrics)
        return time.perf_counter() - start, check

    def timed_update(self, count):
        check = 0
        start = time.perf_counter()
        for _ in range(count):
            at = self.updates * STRIDE % self.kept
            version = self.versions[at]
            self.updates += 1
            self.versions[at] += 1
            if not self.rename(self.ids[at], version, f"Nº {at}, renamed at version {version}"):
                raise RuntimeError("an update was refused")
            check += version
        return time.perf_counter() - start, check

    def timed_list(self, count):
        check = 0
        start = time.perf_counter()
        for _ in range(count):
            page = self.list(not self.listing)
            self.listing = len(page) == PAGE
            for record in page:
                check += 1 + record.version + len(record.config) + len(record.metrics)
        return time.perf_counter() - start, check

    def dump(self, path):
        start = time.perf_counter()
        count = 0
        with open(path, "w", encoding="utf-8") as out:
            page = self.list(True)
            while page:
                count += len(page)
                out.writelines(write_row(record) for record in page)
                page = self.list(False) if len(page) == PAGE else []
        return time.perf_counter() - start, count

    def obey(self, line):
        """The answer to an order."""
        order, _, rest = line.partition(" ")
        timed = {
            "create": lambda: self.timed_create(int(rest), 1),
            "bulk": lambda: self.timed_create(int(rest), int(rest)),
            "get": lambda: self.timed_get(int(rest)),
            "update": lambda: self.timed_update(int(rest)),
            "list": lambda: self.timed_list(int(rest)),
            "dump": lambda: self.dump(rest),
        }
        probes = {
            "one": lambda identifier: self.get(identifier) is not None,
            "rename": lambda identifier, version, name: self.rename(identifier, int(version), name),
            "remove": lambda identifier, version: self.remove(identifier, int(version)),
        }
        if order in timed:
            took, check = timed[order]()
            return f"done {took:.9f} {check}"
        return "done" if probes[order](*rest.split(" ", 2)) else "refused"


def main():
    if len(sys.argv) != 5:
        print("usage: sqlalchemy_peer.py STORE TENANT ROWS KEPT", file=sys.stderr)
        return 2
    peer = Peer(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
    print("ready", flush=True)
    for line in sys.stdin:
        print(peer.obey(line.rstrip("\n")), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
