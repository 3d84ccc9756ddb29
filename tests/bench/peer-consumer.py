#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a team would write itself: a syncrepl consumer of python-ldap that enqueues to SQLite, and a thread that PATCHes with requests.

    peer-consumer.py DATABASE < SETTINGS (one JSON object)

It does what such a program usually does: cookie and changes in one database, one transaction for each entry, a session that is kept, a retry
when Graph fails. It has no rules, no comparison and no reports. A peer of tests/bench/peers, and no part of the product.
"""

import json
import sqlite3
import sys
import threading
import time

import ldap
import ldap.syncrepl
import requests
from ldap.ldapobject import ReconnectLDAPObject

SCHEMA = """
create table if not exists queue (number integer primary key autoincrement, upn text, body text);
create table if not exists position (id integer primary key check (id = 1), cookie text);
"""


def connect(path):
    database = sqlite3.connect(path, timeout=30)
    database.execute("pragma journal_mode = wal")
    database.executescript(SCHEMA)
    return database


class Consumer(ReconnectLDAPObject, ldap.syncrepl.SyncreplConsumer):
    def __init__(self, settings, database, doorbell):
        super().__init__(settings["uri"])
        self.set_option(ldap.OPT_X_TLS_CACERTFILE, settings["ca_file"])
        self.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        self.database, self.doorbell, self.refreshed = database, doorbell, False
        self.simple_bind_s(settings["bind_dn"], settings["password"])

    def syncrepl_get_cookie(self):
        row = self.database.execute("select cookie from position").fetchone()
        return row and row[0]

    def syncrepl_set_cookie(self, cookie):
        with self.database:
            self.database.execute("insert or replace into position values (1, ?)", (cookie,))

    def syncrepl_entry(self, dn, attributes, uuid):
        if "mail" not in attributes:
            return
        body = {"jobTitle": attributes.get("title", [b""])[0].decode() or None}
        with self.database:
            self.database.execute("insert into queue (upn, body) values (?, ?)", (attributes["mail"][0].decode(), json.dumps(body)))
        self.doorbell.set()

    def syncrepl_refreshdone(self):
        print("ready", flush=True)


def export(settings, path, doorbell):
    """Oldest first; what Graph has taken is deleted."""
    database = connect(path)
    session = requests.Session()
    token = session.post(f"{settings['login']}/{settings['tenant']}/oauth2/v2.0/token", data={
        "grant_type": "client_credentials", "client_id": settings["client"], "client_secret": settings["secret"],
        "scope": settings["scope"]}).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    while True:
        rows = database.execute("select number, upn, body from queue order by number limit 100").fetchall()
        if not rows:
            doorbell.wait()
            doorbell.clear()
            continue
        for number, upn, body in rows:
            answer = session.patch(f"{settings['graph']}/users/{upn}", json=json.loads(body))
            if answer.status_code == 429 or answer.status_code >= 500:
                time.sleep(float(answer.headers.get("Retry-After", 1)))
                break
            with database:
                database.execute("delete from queue where number = ?", (number,))


def main():
    path = sys.argv[1]
    settings = json.load(sys.stdin)
    doorbell = threading.Event()
    doorbell.set()
    threading.Thread(target=export, args=(settings, path, doorbell), daemon=True).start()
    consumer = Consumer(settings, connect(path), doorbell)
    search = consumer.syncrepl_search(settings["base"], ldap.SCOPE_SUBTREE, mode="refreshAndPersist", filterstr="(objectClass=inetOrgPerson)",
                                      attrlist=["mail", "title"])
    while consumer.syncrepl_poll(all=1, msgid=search):
        pass


if __name__ == "__main__":
    main()
