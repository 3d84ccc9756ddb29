# SPDX-License-Identifier: Apache-2.0
"""Who may talk to the servers of a cluster, on real ones: TLS, our own certificate, name and password, nkey, credentials. What is wrong gets one line."""

import time

from fakeland import Fake
from house import check, skip_unless, step
from lab import Lab, wait_until
from lab import nats as lab_nats
from lab import nkeys
from lab.base import make_certificate, write_file

skip_unless(lab_nats.why_not())
PASSWORD = "a-password-of-this-test"


class Trust:
    def __init__(self, lab):
        self.lab, self.fake, self.n = lab, Fake(lab), 0

    def server(self, name, more):
        """A server with a certificate for its address, and its own idea of who may come in."""
        s = lab_nats.NatsServer(self.lab.folder / name, name)
        self.lab._things.append(s)
        pki = s.folder / "pki"
        make_certificate(pki, name, s.host, client="/CN=sosync")
        s.configure([s], f'tls: {{cert_file: "{pki}/cert.pem", key_file: "{pki}/key.pem", ca_file: "{pki}/ca.pem", {more}')
        s.pki = pki
        s.tls = f'urls: ["tls://{s.host}:4222"], tls: {{ca_file: "{pki}/ca.pem"}}'
        return s.start()

    def ask(self, jetstream, *words, environment=None):
        """A command of a node with these words in state.jetstream."""
        self.n += 1
        state = f'state: {{path: "{self.fake.folder}/state"}}'
        text = self.fake.write_config().read_text()
        check(state in text, text)
        config = write_file(self.lab.folder / f"node{self.n}.yaml", text.replace(
            state, f'state: {{path: "{self.fake.folder}/state{self.n}", limit: "1GiB", backend: jetstream, jetstream: {{node: a, replicas: 1, {jetstream}}}}}'))
        service = self.lab.sosync(config, name=f"node{self.n}", start=False)
        service.environment.update(environment or {})
        return service.command(*(words or ("queue", "stats")), deadline_s=120)

    def works(self, what, jetstream, **more):
        r = self.ask(jetstream, **more)
        check(r.returncode == 0, f"{what}: {r}")
        step(f"works: {what}")

    def fails(self, what, jetstream, status, *said, secret=PASSWORD):
        r = self.ask(jetstream)
        lines = r.stderr.strip().splitlines()
        check(r.returncode == status and len(lines) == 1 and all(s in lines[0] for s in said) and secret not in r.stderr, f"{what}: {r}")
        step(f"refused: {what}")
        print(f"    {status}: {lines[0]}", flush=True)


with Lab("jetstream-trust") as lab:
    t = Trust(lab)
    folder = lab.folder
    nowhere = write_file(folder / "wrong", "another-password-of-this-test\n")
    password = write_file(folder / "password", PASSWORD + "\n")

    step("TLS: an authority of one's own, the system's, and none that signs")
    s = t.server("plain", "}")
    other = t.server("other", "}")
    t.works("TLS with ca_file", s.tls)
    t.works("TLS with the system's authorities", f'urls: ["tls://{s.host}:4222"]', environment={"SSL_CERT_FILE": str(s.pki / "ca.pem")})
    t.fails("an authority that has not signed", f'urls: ["tls://{s.host}:4222"], tls: {{ca_file: "{other.pki}/ca.pem"}}', 5, s.host, "certificate")
    t.fails("no ca_file", f'urls: ["tls://{s.host}:4222"]', 5, s.host, "certificate")
    t.fails("a ca_file that is not there", f'urls: ["tls://{s.host}:4222"], tls: {{ca_file: "{folder}/nothing.pem"}}', 2, "ca_file", "nothing.pem")
    t.fails("a ca_file without a certificate", f'urls: ["tls://{s.host}:4222"], tls: {{ca_file: "{password}"}}', 5, str(password))

    step("the certificate of another server")
    wrong = lab_nats.NatsServer(folder / "wrong-name", "wrong-name")
    lab._things.append(wrong)
    wrong.configure([wrong], f'tls: {{cert_file: "{s.pki}/cert.pem", key_file: "{s.pki}/key.pem"}}')
    wrong.start()
    t.fails("a certificate for another name", f'urls: ["tls://{wrong.host}:4222"], tls: {{ca_file: "{s.pki}/ca.pem"}}', 5, wrong.host, "mismatch")

    step("our own certificate")
    s = t.server("verify", "verify: true}")
    own = f'tls: {{ca_file: "{s.pki}/ca.pem", cert_file: "{s.pki}/client.pem", key_file: "{s.pki}/client.key"}}'
    t.works("a certificate that the server asks for", f'urls: ["tls://{s.host}:4222"], {own}')
    t.fails("none", s.tls, 5, s.host, "tls.cert_file")
    t.fails("one of another authority", f'urls: ["tls://{s.host}:4222"], ' + own.replace(f"{s.pki}/client", f"{other.pki}/client"), 5, s.host)
    t.fails("without its key", f'urls: ["tls://{s.host}:4222"], tls: {{cert_file: "{s.pki}/client.pem"}}', 2, "cert_file and key_file")

    step("a name and a password")
    s = t.server("by-password", f'}}\nauthorization: {{user: sosync, password: "{PASSWORD}"}}')
    t.works("user and password_file", f'{s.tls}, user: sosync, password_file: "{password}"')
    t.fails("a wrong password", f'{s.tls}, user: sosync, password_file: "{nowhere}"', 5, s.host, "Authorization")
    t.fails("no user at all", s.tls, 5, s.host, "Authorization")
    t.fails("in the URL", f'urls: ["tls://sosync:{PASSWORD}@{s.host}:4222"]', 2, "password_file")
    t.fails("in the open", f'urls: ["nats://{s.host}:4222"], user: sosync, password_file: "{password}"', 2, "verified")
    password.chmod(0o644)
    t.fails("a file that others may read", f'{s.tls}, user: sosync, password_file: "{password}"', 2, str(password), "0644")
    password.chmod(0o600)
    t.fails("a user without a password", f"{s.tls}, user: sosync", 2, "go together")

    step("an nkey")
    key, stranger = nkeys.Key(folder, nkeys.USER), nkeys.Key(folder, nkeys.USER)
    s = t.server("nkey", f"}}\nauthorization: {{users: [{{nkey: {key.public}}}]}}")
    seed, strange = write_file(folder / "seed", key.seed + "\n"), write_file(folder / "stranger", stranger.seed + "\n")
    t.works("nkey and nkey_file", f'{s.tls}, nkey: {key.public}, nkey_file: "{seed}"')
    t.fails("the seed of another", f'{s.tls}, nkey: {key.public}, nkey_file: "{strange}"', 5, s.host, "Authorization")
    t.fails("a stranger", f'{s.tls}, nkey: {stranger.public}, nkey_file: "{strange}"', 5, s.host, "Authorization")
    t.fails("the seed in the place of the key", f'{s.tls}, nkey: {key.seed}, nkey_file: "{seed}"', 2, "nkey_file", secret=key.seed)
    t.fails("a file without a seed", f'{s.tls}, nkey: {key.public}, nkey_file: "{password}"', 5, str(s.host))

    step("credentials of an account")
    operator = nkeys.Operator(folder)
    s = t.server("jwt", "}\n" + operator.conf)
    t.works("credentials_file", f'{s.tls}, credentials_file: "{write_file(folder / "good.creds", operator.creds())}"')
    t.fails("expired", f'{s.tls}, credentials_file: "{write_file(folder / "old.creds", operator.creds(int(time.time()) - 60))}"', 5, s.host)
    foreign = operator.creds(account=nkeys.Key(folder, nkeys.ACCOUNT))
    t.fails("of another account", f'{s.tls}, credentials_file: "{write_file(folder / "foreign.creds", foreign)}"', 5, s.host, "Authorization")
    t.fails("a file that is not there", f'{s.tls}, credentials_file: "{folder}/no.creds"', 2, "no.creds")
    t.fails("two at once", f'{s.tls}, credentials_file: "{folder}/good.creds", user: sosync, password_file: "{password}"', 2, "no more")
