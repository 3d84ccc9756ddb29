# SPDX-License-Identifier: Apache-2.0
"""target.estate against what the tenant says, at every start; and the permissions that a configuration needs."""

from house import check, house, step
from lab.emulator import ROLES

READ_JOBS = ["Synchronization.Read.All", "Application.Read.All"]


def config(h, estate):
    """Beside Entra Connect the flag is asked for by programs; here by one that knows nothing."""
    driver = 'scheduler: {driver: command, status: ["/bin/false"], pause: ["/bin/false"], resume: ["/bin/false"]}' if estate == "connect" else ""
    return h.lab.sosync(h.write_config(target=f"  estate: {estate}\n", more=driver), start=False)


def refuses(h, estate, *texts):
    sosync = config(h, estate)
    r = sosync.command("run", deadline_s=30)
    check(r.returncode == 2 and all(t in r.stderr for t in texts), (estate, r))


def starts(h, estate):
    sosync = config(h, estate)
    sosync.start()
    sosync.stop()


with house("estate") as h:
    step("no synchronization is on")
    starts(h, "alone")
    refuses(h, "connect", "no synchronization is on in the tenant, but target.estate is connect: it should be alone")

    step("one is on, and which cannot be read")
    h.graph.admin("POST", "objects", {"organization": {"onPremisesSyncEnabled": True}})
    refuses(h, "alone", "a synchronization is on in the tenant, but target.estate is alone: it should be connect or cloud-sync")
    starts(h, "connect")
    starts(h, "cloud-sync")

    step("the jobs may be read: it is known which")
    h.graph.admin("POST", "app", {"roles": [*ROLES, *READ_JOBS]})
    starts(h, "connect")
    refuses(h, "cloud-sync", "no Cloud Sync job, but target.estate is cloud-sync: it should be connect")

    def plant(job, template):
        h.graph.admin("POST", "objects", {"synchronizationJobs": [{"principalId": "12121212-0000-0000-0000-000000000000", "id": job,
                                                                   "templateId": template, "status": "Active"}]})

    step("what goes from the cloud to Active Directory, and password hashes, own nothing in the cloud")
    plant("AD2AADPasswordHash.1", "AD2AADPasswordHash")
    plant("AAD2ADExchangeHybridWriteback.1", "AAD2ADExchangeHybridWriteback")
    starts(h, "connect")
    # As Microsoft's own page shows one: the id and the template do not agree.
    plant("AD2AADProvisioning.1", "ADDCInPassthrough")
    starts(h, "cloud-sync")
    refuses(h, "connect", "there is a Cloud Sync job in the tenant (AD2AADProvisioning.1), but target.estate is connect: it should be cloud-sync")

    step("a tenant that does not answer refuses nothing")
    h.graph.admin("POST", "faults", {"rules": [{"path": "/v1.0/organization*", "action": {"status": 503}}]})
    starts(h, "connect")
